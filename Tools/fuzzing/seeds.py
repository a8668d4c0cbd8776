"""The first inputs: small valid ones of every kind, made from what the project has already.

`Tools/fuzz --seeds` adds them to the corpus; needed again only when a format or the form of a target's inputs changes.
"""

import hashlib
import json
import struct

from experiment.segment_image import HEADER_CRC, IN_HEADER, IN_PARAMETERS, TABLE_CRC, Image
from reader.segment import PAGE

from .corpus import CORPUS, ROOT, add_input

GOLDEN = tuple(ROOT / "Formats" / "golden" / version for version in ("v1", "v1.1"))
FIXTURES = ROOT / "Tests" / "EmbeddingInputTests" / "Fixtures"

# In the order of VectorFileFormat and MetadataFileFormat: an input's first byte chooses.
VECTOR_FORMATS = ("npy", "fbin", "u8bin", "i8bin", "fvecs", "bvecs", "safetensors", "tsv", "csv", "ndjson", "vec")
METADATA_FORMATS = ("ndjson", "tsv", "csv")
ALL_SEALS = 63


def make_seeds() -> int:
    """Adds all of them; returns how many there are."""
    makers = {
        "segment": _segments,
        "vectors": _vectors,
        "metadata": _metadata,
        "ids": _ids,
        "manifest": _manifests,
        "json": _json,
        "numbers": _numbers,
        "documents": _documents,
        "catalog": _catalogs,
    }
    count = 0
    for target, maker in makers.items():
        for content in maker():
            add_input(CORPUS / target, content)
            count += 1
    return count


def _segments():
    """The golden segments in the form of SegmentImage.swift, made small; the target repairs what that breaks."""
    for database in sorted(database for golden in GOLDEN for database in golden.glob("*/database.vecdb")):
        for rows, dimensions, leaves in ((1, 1, 1), (40, 6, 3), (70, 18, 2)):
            yield _small_segment(Image(database), rows, dimensions, leaves)


def _small_segment(image: Image, rows: int, dimensions: int, leaves: int) -> bytes:
    rows, dimensions = min(rows, image.header("rows")), min(dimensions, image.header("dimensions"))
    for name, value in (("rows", rows), ("ordinal-span", rows), ("dimensions", dimensions)):
        IN_HEADER[name].write(image.data, value)
    entries = image.entries()
    slots = _slots(rows, min(leaves, rows), is_twice=image.header("incompatible") & 1 == 1)
    contents = {
        "leaves": b"".join(struct.pack("<4I", 0, len(slot_rows), 0, own) for own, slot_rows in slots),
        "ordinals": struct.pack(f"<{rows}I", *range(rows)),
        "rows-by-ordinal": struct.pack(f"<{rows}I", *range(rows)),
        "id-offsets": struct.pack(f"<{rows + 1}Q", *(2 * row for row in range(rows + 1))),
        "ids": b"ab" * rows,
        "slot-rows": b"".join(
            struct.pack(f"<{len(slot_rows)}I", *slot_rows).ljust(-(-len(slot_rows) // 32) * 128, b"\0")
            for _, slot_rows in slots
        ),
    }
    encoded = bytes([ALL_SEALS, rows % 3 + 0x20, 9, 1, 20, 7, 0, 1])
    encoded += image.data[: TABLE_CRC.offset + TABLE_CRC.size] + image.data[HEADER_CRC.offset : PAGE]
    for entry in entries:
        if entry.name == "parameters":
            _make_small(entry.content, dimensions, min(leaves, rows))
        part = contents.get(entry.name, entry.content)[: 40 * rows + 600]
        encoded += entry.raw + struct.pack("<H", len(part)) + part
    return encoded


def _make_small(parameters: bytearray, dimensions: int, leaves: int) -> None:
    """Fits the parameters of a tree to fewer dimensions and leaves."""
    if IN_PARAMETERS["kind"].read(parameters) != 2:
        return
    projected = dimensions
    if IN_PARAMETERS["projection"].read(parameters) == 1:
        projected = min(dimensions, IN_PARAMETERS["projected"].read(parameters))
    per_block = min(projected, IN_PARAMETERS["per-block"].read(parameters))
    for name, value in (("leaves", leaves), ("projected", projected), ("per-block", per_block)):
        IN_PARAMETERS[name].write(parameters, value)


def _slots(rows: int, leaves: int, is_twice: bool):
    """For each leaf how many rows are its own, and the rows of its slots: with second ones, also those of the next leaf."""
    bounds = [leaf * (rows // leaves) for leaf in range(leaves)] + [rows] if leaves else []
    own = [list(range(*pair)) for pair in zip(bounds, bounds[1:])]
    seconds = own[1:] + own[:1] if is_twice and leaves > 1 else [[]] * leaves
    return [(len(first), sorted(first + second)) for first, second in zip(own, seconds)]


def _vectors():
    for path in sorted(FIXTURES.iterdir()):
        if path.suffix[1:] in VECTOR_FORMATS:
            content = path.read_bytes()
            choice = VECTOR_FORMATS.index(path.suffix[1:])
            for flags in (0, 64, 96) + ((16,) if path.suffix == ".safetensors" else ()):
                yield bytes([choice | flags]) + content
            yield bytes([len(VECTOR_FORMATS)]) + content
    for choice, text in (
        ("csv", b'1,"2"\n" 3 ",4\n\n'),
        ("tsv", b"0.5\t1\n2\t3\n\n \n"),
        ("ndjson", b'{"vector":[1,2]}\n\n'),
        ("vec", b"2 3\nthe 1 2 3 \n. . .5 -1 1e2\n"),
        ("vec", b"the 1 2 3\ncat .5 -1 1e2"),
    ):
        for flags in (0, 64, 96):
            yield bytes([VECTOR_FORMATS.index(choice) | flags]) + text
    # With the highest bit: a header and its column of ids, or with the tensor's bit no header and the first column.
    yield bytes([VECTOR_FORMATS.index("csv") | 128 | 64]) + b'e0,id,e1\n1,"a, ""b""\n",2\n3,,4\n'
    yield bytes([VECTOR_FORMATS.index("tsv") | 128 | 16]) + b"a\t1\t2\nb\t3\t4\n"
    yield bytes([VECTOR_FORMATS.index("vec") | 128 | 16]) + b"5 3\n7 2\n"


def _metadata():
    texts = {
        "ndjson": b'{"a": 1, "b": "x\\u00e9", "c": [1, {"d": null}]}\n{"a": 2.5, "b": null, "e": true}\n',
        "csv": b'a,"b",c\r\n1,"x, ""y""",\r\n2,"two\nlines",3.5\r\n',
        "tsv": b'a\tb\n1\t"x"\n\t2.5\n-7\ttrue\n',
    }
    for choice, name in enumerate(METADATA_FORMATS):
        yield bytes([choice]) + texts[name]


def _ids():
    yield b"\0" + "Fargo (1996)\n\nAmélie\r\n42".encode()
    yield b'\0{"query":0,"ids":["a",7]}\n\n{"ids":[-1],"query":3}\n'
    yield b"\0{sic} (1997)\n{}\n"
    for dtype, code in (("<i4", "i"), (">u8", ">Q"), ("<i8", "q")):
        header = f"{{'descr': '{dtype}', 'fortran_order': False, 'shape': (2, 3), }}\n".encode()
        values = struct.pack((code[0] if code[0] in "<>" else "<") + "6" + code[-1], *range(6))
        yield b"\1\x93NUMPY\1\0" + struct.pack("<H", len(header)) + header + values
    yield b"\2" + struct.pack("<4i", 3, 0, 1, 2) * 2
    yield b"\3" + struct.pack("<2I6I", 2, 3, *range(6))
    yield b"\3" + struct.pack("<2I6I6f", 2, 3, *range(6), *range(6))


def _manifests():
    names = ("a.npy", "b.txt", "c.ndjson")  # ManifestTarget writes them; each holds its own name
    manifest = {
        "format": "vecdb-embedding-export",
        "version": 1,
        "metric": "dot",
        "dimensions": 3,
        "model": "m",
        "candidates": {
            "vectors": "a.npy",
            "ids": "b.txt",
            "metadata": "c.ndjson",
            "count": 5,
            "duplicate_ids": "allow",
        },
        "queries": {"vectors": "a.npy", "ids": "b.txt", "count": 5},
        "test": {"pairs": "b.txt", "count": 2},
        "sha256": {name: hashlib.sha256(name.encode()).hexdigest() for name in names},
    }
    yield json.dumps(manifest).encode()
    for metric in ("cosine", "l2"):
        small = {key: manifest[key] for key in ("format", "version", "dimensions", "sha256")}
        yield json.dumps({**small, "metric": metric, "candidates": {"vectors": "a.npy", "count": 1}}, indent=1).encode()


def _json():
    yield b'{"id": "x\\ud83d\\ude00\\n\\/", "vector": [1, -0.5e-3, 1E5], "a": {"b": [[], {}, null, true, false]}}'
    yield b'[1e400, -0, 12345678901234567890, "\\u0000", ""]'
    yield b' "\xf0\x9f\x98\x80\xc3\xa9" '


def _numbers():
    for text in "0 -0.5e3 +.5 007.25 1e-46 3.4028236e38 16777217 nan -Infinity 1.17549435e-38".split():
        yield text.encode()
    yield b"0.000000000000000000000000000000000000000000001401298464324817"


def _documents():
    document = b'{"title":"Fargo (1996)","genres":["Crime","Drama"],"year":1996}'
    for seal in (0, 1):
        for dictionary in (b"", b'{"title":"","genres":["Crime"],"year":19'):
            start = bytes([seal]) + struct.pack("<H", len(dictionary)) + dictionary
            yield start + b"\0" + struct.pack("<II", len(document), 0) + document
            # An LZ4 block: 4 literals, a match of 60 bytes at distance 4, 5 literals.
            block = b"\x4fabcd\x04\x00\x29" + b"\x50efghi"
            yield start + b"\1" + struct.pack("<II", 4 + 60 + 5, 0) + block


def _catalogs():
    """An edit of each kind, to each table (CatalogEdits.swift); and the catalog as it is."""
    yield b"\0"
    yield b"\1"
    for table in range(9):
        for kind in (1, 3):
            for column in (0, 1, 3):
                edit = struct.pack("<4BI", kind, table, 0, column, 8) + struct.pack("<q", 7)
                yield b"\0" + edit
    for statement in range(16):
        yield b"\0" + struct.pack("<4BI", 5, statement, 0, 0, 0)
    for place in range(100, 60_000, 4_000):
        yield b"\0" + struct.pack("<4BI", 6, 0, 0, 0, place << 6 | 2) + b"\xff\0"
