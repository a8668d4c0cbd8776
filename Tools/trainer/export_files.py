"""`Tools/train export`: an export directory out of plain files."""

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from .errors import TrainerError, text_of
from .export import read_tensor, write_export


def run(arguments: argparse.Namespace) -> int:
    write_export(
        arguments.export,
        _vectors(arguments.vectors, arguments.tensor),
        ids=_ids(arguments.ids),
        metadata=_documents(arguments.metadata),
        query_vectors=_vectors(arguments.query_vectors, arguments.query_tensor),
        query_ids=_ids(arguments.query_ids),
        test_pairs=_pairs(arguments.test),
        metric=arguments.metric,
        model=arguments.model,
        duplicate_ids=arguments.duplicate_ids,
        overwrite=arguments.overwrite,
    )
    print(f"wrote {arguments.export}")
    return 0


def read_lines(path: Path) -> list[str]:
    """A file's lines, which end at '\\n' or '\\r\\n' alone: text may hold other characters that Python splits at."""
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise TrainerError(f"{path}: {text_of(error)}") from error
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise TrainerError(f"{path}, line {line}: byte {error.start:,} of the file is not UTF-8") from error
    lines = text.split("\n")
    if lines[-1] == "":
        lines.pop()
    return [line.removesuffix("\r") for line in lines]


def _vectors(path: Path | None, tensor: str | None) -> np.ndarray | None:
    if path is None:
        return None
    if path.suffix.lower() == ".safetensors":
        return read_tensor(path, tensor)
    if tensor is not None:
        raise TrainerError(f"{path}: a tensor is named, but only a .safetensors file has several")
    try:
        return np.load(path, mmap_mode="r")
    except OSError as error:
        raise TrainerError(f"{path}: {text_of(error)}") from error
    except (ValueError, EOFError) as error:
        raise TrainerError(f"{path}: no .npy file of numbers: {error}") from error


def _ids(path: Path | None) -> list[str] | None:
    return None if path is None else read_lines(path)


def _documents(path: Path | None) -> Iterator[Any] | None:
    if path is None:
        return None
    return (_document(path, number, line) for number, line in enumerate(read_lines(path), start=1))


def _document(path: Path, number: int, line: str) -> Any:
    try:
        return json.loads(line)
    except ValueError as error:
        raise TrainerError(f"{path}, line {number}: not JSON: {error}") from error


def _pairs(path: Path | None) -> Iterator[tuple[str, ...]] | None:
    if path is None:
        return None
    return (tuple(line.split("\t", 1)) for line in read_lines(path))
