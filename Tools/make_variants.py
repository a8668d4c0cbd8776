#!/usr/bin/env python3
"""Makes Formats/golden/variants/: files that every reader must refuse, and some that it must accept.

    make_variants.py VECDB DIRECTORY      # Formats/golden/variants, which must not exist

A variant is a small database with some bytes of its segment replaced and some statements run on its catalog; all checksums
are right again, unless they are what is wrong. Python 3.9, standard library.
"""
import json
import pathlib
import random
import sqlite3
import struct
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from experiment.catalog_rows import literal, resealed, row_crc  # noqa: E402
from experiment.inputs import write_npy  # noqa: E402
from experiment.segment_image import (  # noqa: E402
    HEADER_CRC, IN_ENTRY, IN_HEADER, IN_PARAMETERS, Entry, Field, Image
)
from make_golden import arguments, run, sums, values  # noqa: E402
from reader.geometry import NAMES  # noqa: E402
from reader.segment import PAGE  # noqa: E402

KINDS = {name: kind for kind, name in NAMES.items()}
BASES = {
    "tree": (40, 5, "dot", ["--index", "tree-ah", "--leaves", "2"], True),
    "soar": (40, 4, "dot", ["--index", "tree-ah", "--leaves", "2", "--soar", "--anisotropic-threshold", "0.8"], False),
    "exact": (6, 3, "cosine", ["--index", "exact"], False),
}


def make_base(vecdb, folder, name):
    rows, dimensions, metric, options, has_more = BASES[name]
    generator = random.Random(f"variants {name}")
    with tempfile.TemporaryDirectory() as place:
        work = pathlib.Path(place)
        write_npy(work / "v.npy", values(generator, "floats", rows, dimensions), dimensions)
        command = [vecdb, "build", folder, "--vectors", work / "v.npy", "--metric", metric, "--seed", "7", "--progress",
                   "never", *options]
        if has_more:
            (work / "ids.txt").write_text("".join(f"movie {i}\n" for i in range(rows)))
            (work / "m.ndjson").write_text("".join(json.dumps({"title": f"Film {i}", "year": 1900 + i}) + "\n"
                                                   for i in range(rows)))
            command += ["--ids", work / "ids.txt", "--metadata", work / "m.ndjson"]
        run(command)
    (folder / "lock").write_bytes(bytes(256))
    return {"vector": values(generator, "floats", 1, dimensions)[0],
            "options": {"k": 5, "leaves_to_search": 2, "reorder": 40, "exclude": ["movie 3" if has_more else "3"]}}


# Changes, each a function of an image. A field is given by its name, or itself where it has none.


def header(field, value, sealed=True):
    def change(image):
        IN_HEADER.get(field, field).write(image.data, value)
        if sealed:
            image.seal_header()
    return change


def table(name, field, value, sealed=True):
    """Changes the entry of a section where it lies."""
    def change(image):
        index = [entry.name for entry in image.entries()].index(name)
        header(IN_ENTRY.get(field, field).placed(name, image.place(index)), value, sealed)(image)
    return change


def parameter(field, value):
    def change(image):
        IN_PARAMETERS.get(field, field).placed("parameters", image.section("parameters").offset).write(image.data, value)
        image.seal()
    return change


def content(name, form, offset, *numbers):
    def change(image):
        struct.pack_into(form, image.data, image.section(name).offset + offset, *numbers)
        image.seal()
    return change


def flipped(name):
    def change(image):
        image.data[image.section(name).offset + 1] ^= 4
    return change


def arranged(arrange):
    """Other sections, laid out as a writer would."""
    return lambda image: image.rebuild(arrange(image.entries()))


def without(name):
    return arranged(lambda entries: [entry for entry in entries if entry.name != name])


def added(kind, element, shift, stride, data, codec=0):
    entry = Entry.new(kind, data, codec, element, shift, stride)
    return arranged(lambda entries: entries[:-1] + [entry] + entries[-1:])


def both(*changes):
    def change(image):
        for each in changes:
            each(image)
    return change


def segment_cases():
    """Name, base, exit code, what the refusal must name, change."""
    # Unsupported: what a later version may define.
    yield "a later major version", "tree", 5, "format version", header("format-major", 2)
    yield "an unknown incompatible feature", "tree", 5, "incompatible", header("incompatible", 1 << 40)
    yield "an unknown metric", "tree", 5, "metric", header("metric", 4)
    yield "the metric 0", "tree", 5, "metric", header("metric", 0)
    yield "an unknown index kind", "tree", 5, "parameters", parameter("kind", 3)
    yield "an unknown projection", "tree", 5, "parameters", parameter("projection", 3)
    yield "an unknown codec", "tree", 5, "leaves", table("leaves", "codec", 1)
    yield "an unknown element type", "tree", 5, "codes", table("codes", "element", 9)
    yield "an unknown storage of rows", "exact", 5, "reorder-vectors", table("reorder-vectors", "element", 3)
    # Damage: what contradicts the file or a checksum.
    yield "another magic number", "tree", 4, "segment file", header(Field("magic", 0, 1), 0x88)
    yield "a header without its checksum", "tree", 4, "header", header("dimensions", 6, sealed=False)
    yield "a table without its checksum", "tree", 4, "section table", table("codes", "stride", 8, sealed=False)
    yield "reserved header bytes", "tree", 4, "reserved", header("reserved", 1)
    yield "more rows than ordinals", "tree", 4, "row", header("rows", 41)
    yield "no dimensions", "tree", 4, "dimensions", header("dimensions", 0)
    yield "no sections", "tree", 4, "sections", header("sections", 0)
    yield "another file size", "tree", 4, "header says", header("file-bytes", PAGE)
    yield "a section of kind 0", "tree", 4, "kind 0", table("origin", "kind", 0)
    yield "a kind twice", "tree", 4, "leaves", table("origin", "kind", KINDS["leaves"])
    yield "a section out of place", "tree", 4, "codes", table("codes", "offset", 65536 * 8)
    yield "an impossible checksum shift", "tree", 4, "codes", table("codes", "shift", 11)
    yield "two sizes of a section", "tree", 4, "origin", table("origin", "logical", 16)
    yield "reserved bytes of an entry", "tree", 4, "origin", table("origin", Field("reserved", 48, 1), 1)
    yield "a stride of leaves", "tree", 4, "leaves", table("leaves", "stride", 8)
    yield "a stride of parameters", "tree", 4, "parameters", table("parameters", "stride", 4)
    yield "a stride of block checksums", "tree", 4, "block-checksums", table("block-checksums", "stride", 0)
    yield "an element type of block checksums", "tree", 4, "block-checksums", table("block-checksums", "element", 1)
    yield "an element type of the origin", "tree", 4, "origin", table("origin", "element", 6)
    yield "block checksums not the last", "exact", 4, "block-checksums", arranged(lambda e: e[:-2] + e[:-3:-1])
    yield "no codebooks", "tree", 4, "codebooks", without("codebooks")
    yield "no reorder vectors", "exact", 4, "reorder-vectors", without("reorder-vectors")
    yield "norms without cosine", "tree", 4, "norms", added(KINDS["norms"], 1, 12, 4, bytes(160))
    yield "leaves of an exact index", "exact", 4, "leaves", added(KINDS["leaves"], 0, 0, 16, bytes(16))
    yield "second assignments of an exact index", "exact", 4, "parameters", header("incompatible", 1)
    yield "anisotropic codes of an exact index", "exact", 4, "parameters", header("read-only-compatible", 1)
    yield "second assignments without slot rows", "tree", 4, "slot-rows", header("incompatible", 1)
    yield "slot rows without second assignments", "tree", 4, "slot-rows", added(KINDS["slot-rows"], 6, 12, 4, bytes(256))
    yield "anisotropic codes without anisotropy", "tree", 4, "anisotropy", header("read-only-compatible", 1)
    yield "anisotropy without anisotropic codes", "soar", 4, "anisotropy", header("read-only-compatible", 0)
    yield "an anisotropy of 0", "soar", 4, "anisotropy", content("anisotropy", "<f", 0, 0.0)
    yield "an infinite anisotropy", "soar", 4, "anisotropy", content("anisotropy", "<I", 0, 0x7F800000)
    yield "an int8 tier without vectors", "tree", 4, "int8-vectors", header("compatible", 3)
    yield "int8 vectors without their tier", "tree", 4, "int8-vectors", added(KINDS["int8-vectors"], 8, 12, 12, bytes(480))
    yield "an int8 tier of fewer rows", "tree", 4, "int8-vectors", both(
        added(KINDS["int8-vectors"], 8, 12, 12, bytes(468)), header("compatible", 3))
    yield "mapped ids that nobody announces", "tree", 4, "id-offsets", header("compatible", 0)
    yield "other subspaces", "tree", 4, "parameters", parameter("subspaces", 4)
    yield "a flag of 2", "tree", 4, "parameters", parameter("ranks-projected", 2)
    yield "reserved parameters", "tree", 4, "parameters", parameter(Field("reserved", 124, 4), 1)
    yield "l2 without biases", "tree", 4, "parameters", header("metric", 3)
    yield "tree parameters of an exact index", "exact", 4, "parameters", parameter("origin", 1)
    yield "leaves with a gap", "tree", 4, "leaves", content("leaves", "<I", 24, 39)
    yield "a leaf with more slots than rows", "tree", 4, "leaves", content("leaves", "<I", 4, 1)
    yield "slots of no row", "soar", 4, "slot-rows", content("slot-rows", "<128I", 0, *[40] * 128)
    yield "an ordinal beyond the span", "tree", 4, "ordinals", content("ordinals", "<40I", 0, *[40] * 40)
    yield "an ordinal of no row", "tree", 4, "rows-by-ordinal", content("rows-by-ordinal", "<I", 12, 40)
    yield "id offsets that decrease", "tree", 4, "id-offsets", content("id-offsets", "<41Q", 0, *range(41, 0, -1))
    yield "ids that are not UTF-8", "tree", 4, "ids", content("ids", "<290s", 0, b"\xff" * 290)
    for name in ("leaves", "origin", "codebooks", "codes", "block-radii", "reorder-vectors", "ordinals", "id-offsets", "ids"):
        yield f"a flipped bit of {name}", "tree", 4, name, flipped(name)
    # What a reader must pass over.
    yield "sections in another order", "tree", 0, "", arranged(lambda e: e[-2::-1] + e[-1:])
    yield "sections of a soar index in another order", "soar", 0, "", arranged(lambda e: e[-2::-1] + e[-1:])
    yield "a later minor version", "tree", 0, "", header("format-minor", 7)
    yield "an unknown compatible feature", "tree", 0, "", header("compatible", 1 | 1 << 40)
    yield "an unknown read-only-compatible feature", "tree", 0, "", header("read-only-compatible", 1 << 40)
    yield "an unknown section", "tree", 0, "", added(99, 2, 12, 2, bytes(6000))
    yield "an unknown section of an unknown form", "exact", 0, "", both(
        added(4000, 77, 0, 0, bytes(99), codec=9), table("kind 4000", "logical", 12345))
    yield "an int8 tier", "tree", 0, "", both(
        added(KINDS["int8-vectors"], 8, 12, 12, bytes(480)), header("compatible", 3))
    yield "an unknown origin of the projection", "tree", 0, "", parameter("origin", 9)


def catalog_cases(sql):
    """Name, base, exit code, what the refusal must name, statements."""
    def sealed(table, change, condition="1"):
        return resealed(sql, table, change, condition)

    def setting(key, value):
        return [sealed("setting", {"value": value}, f"key = '{key}'")]

    yield "a later catalog version", 5, "version", ["PRAGMA user_version = 2"]
    yield "an unknown metric in the catalog", 5, "metric", setting("metric", "hamming")
    yield "defaults of an unknown source", 5, "default_sample_source", setting("default_sample_source", "guessed")
    yield "ids of an unknown form", 5, "ids", [sealed("segment", {"ids": "mapped"})]
    yield "a metadata column of an unknown type", 5, "type", [sealed("metadata_column", {"type": "blob"}, "position = 0")]
    yield "a database of another program", 4, "application id", ["PRAGMA application_id = 1"]
    for value in ("017", "+17", "", " 17", "17 ", "1e3", "-1", "0x11", "\u0661"):
        yield f"next_ordinal is '{value}'", 4, "next_ordinal", setting("next_ordinal", value)
    yield "dimensions with a leading zero", 4, "dimensions", setting("dimensions", "05")
    yield "a key with a sign", 4, "next_segment_key", setting("next_segment_key", "+2")
    for value in ("nan", "inf", "+0.5", ".5", "0x1p-1", "1.5", "-0.5", "1."):
        yield f"default_recall is '{value}'", 4, "recall", setting("default_recall", value)
    yield "default_k is 0", 4, "default", setting("default_k", "0")
    yield "a missing setting", 4, "next_ordinal", ["DELETE FROM setting WHERE key = 'next_ordinal'"]
    yield "a missing default", 4, "default_reorder", ["DELETE FROM setting WHERE key = 'default_reorder'"]
    yield "a setting without its checksum", 4, "setting", ["UPDATE setting SET crc = 0 WHERE key = 'metric'"]
    yield "a trigger", 4, "trigger", ["CREATE TRIGGER t AFTER INSERT ON segment BEGIN DELETE FROM setting; END"]
    yield "a view", 4, "view", ["CREATE VIEW v AS SELECT 1"]
    yield "another table", 4, "more", ["CREATE TABLE more(a)"]
    yield "a table of a key that no row names", 4, "candidate_9", [
        "CREATE TABLE candidate_9(ordinal INTEGER PRIMARY KEY NOT NULL, id TEXT NOT NULL) STRICT"]
    yield "a table that the segment's row denies", 4, "query_1", [
        "CREATE TABLE query_1(position INTEGER PRIMARY KEY NOT NULL, id TEXT NOT NULL, vector BLOB NOT NULL, "
        "crc INTEGER NOT NULL) STRICT"]
    yield "a missing index", 4, "candidate_1_id", ["DROP INDEX candidate_1_id"]
    yield "a missing table", 4, "metadata_1", ["DROP TABLE metadata_1"]
    yield "a table of another definition", 4, "candidate_1", [
        "DROP TABLE candidate_1", "CREATE TABLE candidate_1(ordinal INTEGER PRIMARY KEY NOT NULL, id TEXT) STRICT"]
    yield "metadata columns with holes", 4, "metadata_column", [sealed("metadata_column", {"position": 2}, "position = 1")]
    yield "no dictionary", 4, "dictionary", ["DELETE FROM metadata_dictionary"]
    yield "a missing document", 4, "document", ["DELETE FROM metadata_1"]
    yield "documents of an unknown codec", 4, "document", ["UPDATE metadata_1 SET document = CAST(x'07' || substr(document, 2) AS BLOB)"]
    yield "documents of others", 4, "document", [
        "UPDATE metadata_1 SET document = (SELECT document FROM metadata_1 WHERE ordinal = 0)"]
    yield "a path for a file name", 4, "file name", [
        sealed("segment", {"file_name": "../" + sql.execute("SELECT file_name FROM segment").fetchone()[0]})]
    yield "a segment of a later generation", 4, "generation", [sealed("segment", {"born": 7})]
    yield "another segment than the catalog's", 4, "catalog", [sealed("segment", {"header_crc": 1})]
    yield "a segment of another database", 4, "database", setting("database_uuid", "0" * 32)
    yield "other dimensions in the catalog", 4, "dimensions", setting("dimensions", "6")
    yield "no segment", 4, "segment", ["DELETE FROM segment", "DROP TABLE candidate_1", "DROP TABLE metadata_1"]
    value = "a later version's"
    crc = row_crc(("later", value))
    yield "an unknown setting", 0, "", [f"INSERT INTO setting VALUES ('later', {literal(value)}, {crc})"]
    yield "columns and a dictionary of a key that no row names", 0, "", [
        "INSERT INTO metadata_dictionary VALUES (9, x'00', 0)", "INSERT INTO metadata_column VALUES (9, 0, 'a', 'a', 'b', 0)"]
    yield "what ANALYZE leaves", 0, "", ["ANALYZE"]


def patches(old, new):
    """Runs of bytes by which `new` differs from `old`, which is completed with zeros."""
    old, found, start = old + bytes(max(0, len(new) - len(old))), [], None
    for offset in range(len(new) + 1):
        differs = offset < len(new) and old[offset] != new[offset]
        if differs and start is None:
            start = offset
        elif not differs and start is not None:
            found.append([start, new[start:offset].hex()])
            start = None
    return found


def main():
    vecdb, place = arguments(__doc__)
    place.mkdir(parents=True)
    queries = {name: make_base(vecdb, place / name, name) for name in BASES}
    files = {name: next((place / name).glob("*.vseg")).read_bytes() for name in BASES}
    cases = []
    for name, base, code, names, change in segment_cases():
        changed = Image(place / base)
        change(changed)
        numbers = {"byte_count": len(changed.data), "header_crc": HEADER_CRC.read(changed.data)}
        with sqlite3.connect(place / base / "catalog.sqlite") as sql:
            update = resealed(sql, "segment", numbers)
        sql.close()
        cases.append({"name": name, "base": base, "code": code, "names": names, "size": len(changed.data),
                      "segment": patches(files[base], bytes(changed.data)), "catalog": [update]})
    with sqlite3.connect(place / "tree" / "catalog.sqlite") as sql:
        for name, code, names, statements in catalog_cases(sql):
            cases.append({"name": name, "base": "tree", "code": code, "names": names, "catalog": statements})
    sql.close()
    text = json.dumps({"queries": queries}, ensure_ascii=False)[:-1] + ', "cases": [\n'
    (place / "variants.json").write_text(
        text + ",\n".join(json.dumps(case, ensure_ascii=False) for case in cases) + "\n]}\n")
    (place / "SHA256SUMS").write_text(sums(place))


if __name__ == "__main__":
    main()
