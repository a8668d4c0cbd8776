"""Inputs of builds, made from a seed."""

import json
import random
import struct
from collections.abc import Sequence
from pathlib import Path

DIMENSIONS = 16


def write_input(path: Path, name: str, rows: int, generator: random.Random) -> None:
    """Vectors, ids, documents and queries: `path` with an extension each."""
    _write_vectors(Path(f"{path}.npy"), rows, generator)
    _write_vectors(Path(f"{path}.queries.npy"), 4, generator)
    Path(f"{path}.ids").write_text("".join(f"{name}{row}\n" for row in range(rows)))
    documents = (json.dumps({"title": f"{name} title {row}", "year": 1900 + row}) for row in range(rows))
    Path(f"{path}.ndjson").write_text("".join(f"{document}\n" for document in documents))


def write_integers(path: Path, name: str, rows: int) -> None:
    """Vectors of integers in the formats of one unsigned and one signed byte a value."""
    generator = random.Random(f"{name} integers")
    values = bytes(generator.randrange(256) for _ in range(rows * DIMENSIONS))
    for extension in ("u8bin", "i8bin"):
        Path(f"{path}.{extension}").write_bytes(struct.pack("<II", rows, DIMENSIONS) + values)


def _write_vectors(path: Path, rows: int, generator: random.Random) -> None:
    write_npy(path, [[generator.gauss(0, 1) for _ in range(DIMENSIONS)] for _ in range(rows)], DIMENSIONS)


def write_npy(path: Path, rows: Sequence[Sequence[float]], dimensions: int, descr: str = "<f4") -> None:
    """Rows as NumPy saves them: floats, or bytes as `|u1` and `|i1`."""
    header = f"{{'descr': '{descr}', 'fortran_order': False, 'shape': ({len(rows)}, {dimensions}), }}"
    header += " " * (-(len(header) + 11) % 64) + "\n"
    code = {"<f4": "f", "|u1": "B", "|i1": "b"}[descr]
    data = b"".join(struct.pack(f"<{dimensions}{code}", *row) for row in rows)
    path.write_bytes(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode() + data)
