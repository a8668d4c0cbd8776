"""Inputs of builds, made from a seed."""

import json
import random
import struct
from pathlib import Path

DIMENSIONS = 16


def write_input(path: Path, name: str, rows: int, generator: random.Random) -> None:
    """Vectors, ids, documents and queries: `path` with an extension each."""
    _write_npy(Path(f"{path}.npy"), rows, generator)
    _write_npy(Path(f"{path}.queries.npy"), 4, generator)
    Path(f"{path}.ids").write_text("".join(f"{name}{row}\n" for row in range(rows)))
    documents = (json.dumps({"title": f"{name} title {row}", "year": 1900 + row}) for row in range(rows))
    Path(f"{path}.ndjson").write_text("".join(f"{document}\n" for document in documents))


def write_integers(path: Path, name: str, rows: int) -> None:
    """Vectors of integers in the formats of one unsigned and one signed byte a value."""
    generator = random.Random(f"{name} integers")
    values = bytes(generator.randrange(256) for _ in range(rows * DIMENSIONS))
    for extension in ("u8bin", "i8bin"):
        Path(f"{path}.{extension}").write_bytes(struct.pack("<II", rows, DIMENSIONS) + values)


def _write_npy(path: Path, rows: int, generator: random.Random) -> None:
    header = f"{{'descr': '<f4', 'fortran_order': False, 'shape': ({rows}, {DIMENSIONS}), }}"
    header += " " * (-(len(header) + 11) % 64) + "\n"
    values = [generator.gauss(0, 1) for _ in range(rows * DIMENSIONS)]
    magic = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header))
    path.write_bytes(magic + header.encode() + struct.pack(f"<{len(values)}f", *values))
