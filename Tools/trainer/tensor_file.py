"""Reads one tensor of a .safetensors file without loading the others."""

import json
from pathlib import Path

import numpy as np

from .errors import TrainerError, text_of

LONGEST_HEADER_BYTES = 16 << 20
TYPES = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": "<u2", "I8": "|i1", "U8": "|u1"}


def read_tensor(path: Path, name: str | None = None) -> np.ndarray:
    """The tensor called `name`, or the only one with two dimensions; mapped from the file, except for BF16."""
    try:
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            if length > LONGEST_HEADER_BYTES:
                raise TrainerError(f"{path}: no .safetensors file: its header would have {length:,} bytes")
            header = json.loads(file.read(length))
            rest = path.stat().st_size - 8 - length
            if not isinstance(header, dict):
                raise ValueError("no object")
    except OSError as error:
        raise TrainerError(f"{path}: {text_of(error)}") from error
    except ValueError as error:
        if isinstance(error, TrainerError):
            raise
        raise TrainerError(f"{path}: no .safetensors file: its header is no JSON object") from error
    tensors = {key: value for key, value in header.items() if key != "__metadata__"}
    entry = tensors[_chosen(path, tensors, name)]
    return _mapped(path, entry, 8 + length, rest)


def _chosen(path: Path, tensors: dict[str, dict], name: str | None) -> str:
    known = ", ".join(f"{key} {value['dtype']} {value['shape']}" for key, value in tensors.items())
    if name is not None:
        if name not in tensors:
            raise TrainerError(f"{path}: no tensor '{name}'; there are {known}")
        return name
    matrices = [key for key, value in tensors.items() if len(value["shape"]) == 2]
    if len(matrices) != 1:
        raise TrainerError(f"{path}: {len(matrices)} tensors have two dimensions; name one of {known}")
    return matrices[0]


def _mapped(path: Path, entry: dict, start: int, rest: int) -> np.ndarray:
    if entry["dtype"] not in TYPES:
        raise TrainerError(f"{path}: elements of type {entry['dtype']}; expected one of {', '.join(TYPES)}")
    begin, end = entry["data_offsets"]
    dtype, shape = np.dtype(TYPES[entry["dtype"]]), tuple(entry["shape"])
    expected = int(np.prod(shape)) * dtype.itemsize
    if not 0 <= begin <= end <= rest or end - begin != expected:
        raise TrainerError(
            f"{path}: the tensor lies at bytes {begin:,} to {end:,} of {rest:,}, expected {expected:,} bytes within them"
        )
    if expected == 0:
        return np.zeros(shape, dtype)
    mapped = np.memmap(path, dtype, "r", start + begin, shape)
    if entry["dtype"] == "BF16":  # the upper half of an f32
        return (mapped.astype(np.uint32) << 16).view(np.float32)
    return mapped
