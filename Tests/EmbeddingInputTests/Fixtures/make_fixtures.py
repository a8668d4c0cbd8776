#!/usr/bin/env python3
"""Writes the fixture files beside it: what NumPy and other exporters write, at its smallest.

Needs numpy 2. The tests do not run this; it documents where the committed files come from.
Grid: 5 rows x 3 columns, value[r][c] = (3 r + c) / 4 - 1.5, exact in every float type.
Bytes: value[r][c] = 20 r + c (unsigned), and the same minus 50 (signed).
"""

import hashlib
import json
import pathlib
import struct

import numpy as np
from numpy.lib import format as npy

HERE = pathlib.Path(__file__).resolve().parent
GRID = (np.arange(15).reshape(5, 3) / 4 - 1.5).astype(np.float64)
UNSIGNED = (np.arange(5)[:, None] * 20 + np.arange(3)).astype(np.uint8)
SIGNED = (UNSIGNED.astype(np.int16) - 50).astype(np.int8)


def save(name, array, version=None):
    with open(HERE / name, "wb") as file:
        npy.write_array(file, array, version=version)


def counted(name, array):
    (HERE / name).write_bytes(struct.pack("<II", *array.shape) + array.tobytes())


def prefixed(name, array):
    (HERE / name).write_bytes(b"".join(struct.pack("<i", array.shape[1]) + row.tobytes() for row in array))


def safetensors(name, tensors, metadata=None):
    header, data = {}, b""
    if metadata:
        header["__metadata__"] = metadata
    for key, (dtype, array) in tensors.items():
        raw = array.tobytes()
        header[key] = {"dtype": dtype, "shape": list(array.shape), "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    (HERE / name).write_bytes(struct.pack("<Q", len(text)) + text + data)


for kind in ["f4", "f8", "f2"]:
    save(f"grid-{kind}-little.npy", GRID.astype("<" + kind))
    save(f"grid-{kind}-big.npy", GRID.astype(">" + kind))
save("grid-i1.npy", SIGNED)
save("grid-u1.npy", UNSIGNED)
for version in [(1, 0), (2, 0), (3, 0)]:
    save(f"grid-version-{version[0]}.npy", GRID.astype("<f4"), version)
save("zero-rows.npy", np.zeros((0, 3), "<f4"))

# Values that only some types can hold.
halves = np.array([0x0000, 0x8000, 0x0001, 0x03FF, 0x0400, 0x3555, 0x7BFF, 0x7C00, 0xFC00, 0x7E00], "<u2")
save("half-specials.npy", halves.view("<f2").reshape(1, -1))
np.savetxt(HERE / "half-specials.expected.txt", halves.view("<f2").astype("<f4").view("<u4"), fmt="%08x")
save("double-tenths.npy", np.array([[0.1, 1 / 3, 1e-40], [1e38, -2.5e-7, 123456789.123]], "<f8"))
save("double-overflow.npy", np.array([[1.0, 2.0], [1e39, 0.0], [np.inf, 0.0], [0.0, -4e38]], "<f8"))

# What is refused.
save("bad-fortran.npy", np.asfortranarray(GRID.astype("<f4")))
save("bad-object.npy", np.array([["a", 1], ["b", 2]], object))
save("bad-structured.npy", np.zeros((2, 2), [("x", "<f4"), ("y", "<f4")]))
save("bad-one-dimension.npy", np.zeros(3, "<f4"))
save("bad-three-dimensions.npy", np.zeros((2, 2, 2), "<f4"))
save("bad-int64.npy", np.zeros((2, 2), "<i8"))
save("bad-zero-dimensions.npy", np.zeros((2, 0), "<f4"))

counted("grid.fbin", GRID.astype("<f4"))
counted("grid.u8bin", UNSIGNED)
counted("grid.i8bin", SIGNED)
prefixed("grid.fvecs", GRID.astype("<f4"))
prefixed("grid.bvecs", UNSIGNED)

bfloat = (GRID.astype("<f4").view("<u4") >> 16).astype("<u2")
safetensors("one.safetensors", {"scale": ("F32", np.ones(2, "<f4")), "items": ("F32", GRID.astype("<f4"))})
safetensors(
    "many.safetensors",
    {
        "f64": ("F64", GRID),
        "f16": ("F16", GRID.astype("<f2")),
        "bf16": ("BF16", bfloat),
        "i8": ("I8", SIGNED),
        "u8": ("U8", UNSIGNED),
        "i64": ("I64", GRID.astype("<i8")),
        "line": ("F32", np.ones(3, "<f4")),
    },
    {"format": "np"},
)

np.savetxt(HERE / "grid.tsv", GRID, delimiter="\t")
np.savetxt(HERE / "grid.csv", GRID, delimiter=",", header="a,b,c", comments="")
with open(HERE / "grid.ndjson", "w") as file:
    for row, vector in enumerate(GRID.tolist()):
        file.write(json.dumps({"id": f"item é {row}", "vector": vector, "year": 1990 + row, "tags": ["x", row]}) + "\n")

# Random floats as text: the nearest float must be found.
bits = np.random.default_rng(7).integers(0, 2**32, 4000, dtype=np.uint32).view("<f4")
bits = bits[np.isfinite(bits)][:800]
(HERE / "decimals.txt").write_text(
    "".join(
        f"{text} {np.float32(text).view(np.uint32):08x}\n"
        for value in bits
        for text in [repr(float(value)), np.format_float_positional(value, unique=True), f"{value:.18e}"]
        if len(text) < 60
    )
)

export = HERE / "export"
export.mkdir(exist_ok=True)
np.save(export / "candidates.npy", GRID.astype("<f4"))
np.save(export / "queries.npy", GRID[:2].astype("<f4"))
(export / "candidates.ids.txt").write_text("".join(f"item {row}\n" for row in range(5)))
(export / "queries.ids.txt").write_text("1\n2\n")
(export / "candidates.ndjson").write_text("".join(json.dumps({"row": row}) + "\n" for row in range(5)))
(export / "test.tsv").write_text("1\titem 3\n2\titem 0\n")
manifest = {
    "format": "vecdb-embedding-export",
    "version": 1,
    "metric": "dot",
    "dimensions": 3,
    "model": "a grid",
    "candidates": {
        "vectors": "candidates.npy",
        "ids": "candidates.ids.txt",
        "metadata": "candidates.ndjson",
        "count": 5,
        "duplicate_ids": "keep-last",
    },
    "queries": {"vectors": "queries.npy", "ids": "queries.ids.txt", "count": 2},
    "test": {"pairs": "test.tsv", "count": 2},
    "sha256": {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(export.iterdir())
        if path.name != "manifest.json"
    },
}
(export / "manifest.json").write_text(json.dumps(manifest, indent=1) + "\n")
