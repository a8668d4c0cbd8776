#!/usr/bin/env python3
"""Makes Formats/golden/settings/: databases with search settings for several k, queries that name no knobs, intermediates
and variants of such databases (Python 3.9, standard library).

    make_settings.py VECDB DIRECTORY      # the vecdb executable; Formats/golden/settings, which must not exist

Queries that a mutant of the independent reader answers in another way are searched for. The answers are vecdb's; the tool
ends with 1 when the independent reader finds others.
"""
import json
import pathlib
import random
import sqlite3
import sys
import tempfile
from collections import Counter

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from experiment.catalog_rows import resealed  # noqa: E402
from experiment.inputs import write_npy  # noqa: E402
from make_golden import answer, arguments, run, sums, write_answers  # noqa: E402
from make_intermediates import file_of, gaussian, mutated  # noqa: E402
from make_variants import make_base  # noqa: E402
from reader.database import Database  # noqa: E402
from reader.golden import check  # noqa: E402
from reader.mutants import MUTANTS  # noqa: E402
from reader.numerics import f32  # noqa: E402

# name: rows, dimensions, metric, options of build, form of the rows
DATABASES = {
    "l2-tree-1100-projected": (1100, 16, "l2", ["--leaves", "30", "--projection", "pca:5", "--dimensions-per-block", "5",
                                                "--target-recall", "0.8"], "flat"),
    "dot-tree-600-radii": (600, 6, "dot", ["--leaves", "6", "--dimensions-per-block", "3", "--target-recall", "0.7"],
                           "lengths"),
    "dot-tree-99-copies": (99, 5, "dot", ["--leaves", "6", "--dimensions-per-block", "5", "--target-recall", "0.6",
                                          "--duplicate-ids", "allow"], "copies"),
    "dot-tree-100-soar": (100, 8, "dot", ["--leaves", "5", "--dimensions-per-block", "8", "--soar"], "plain"),
    "cosine-tree-240-tuned": (240, 11, "cosine", ["--leaves", "12", "--dimensions-per-block", "6", "--target-recall",
                                                  "0.6", "-k", "30"], "plain"),
    "l2-tree-300-tuned": (300, 7, "l2", ["--leaves", "10", "--dimensions-per-block", "4", "--target-recall", "0.7"],
                          "plain"),
    "dot-tree-220-uneven": (220, 4, "dot", ["--leaves", "2"], "uneven"),
    "l2-tree-150-others": (150, 6, "l2", ["--leaves", "8", "--dimensions-per-block", "3"], "plain"),
}
# What an older version that tunes has changed: the keys of one k alone.
OLDER = {
    "cosine-tree-240-tuned": {"default_leaves_to_search": "100000", "default_reorder": "13", "default_recall": "0.7"},
    "l2-tree-300-tuned": {"default_leaves_to_search": "3", "default_reorder": "280", "default_k": "25"},
}
# The mutants that a database tells apart, where it is a matter of knobs: all that begin so.
KINDS = ("knobs:", "cost:")


def rows_of(form, generator, rows, dimensions):
    if form == "flat":  # all but on a plane of five dimensions
        plane = [gaussian(generator, dimensions) for _ in range(5)]
        shares = [[generator.gauss(0, 1) for _ in plane] for _ in range(rows)]
        return [[f32(sum(a * axis[j] for a, axis in zip(share, plane)) + generator.gauss(0, 0.1))
                 for j in range(dimensions)] for share in shares]
    if form == "copies":  # three of each, near each other
        base = [gaussian(generator, dimensions) for _ in range(rows // 3)]
        return [[f32(x + generator.gauss(0, 0.05)) for x in base[i % len(base)]] for i in range(rows)]
    if form == "uneven":  # few on one side, many on the other
        sides = [8.0] * 20 + [-8.0] * (rows - 20)
        return [[f32(side + generator.gauss(0, 1)) for _ in range(dimensions)] for side in sides]
    return [gaussian(generator, dimensions, 1 + 9 * (form == "lengths" and i % 20 == 0)) for i in range(rows)]


def build(vecdb, folder, name):
    rows, dimensions, metric, options, form = DATABASES[name]
    with tempfile.TemporaryDirectory() as place:
        work = pathlib.Path(place)
        vectors = rows_of(form, random.Random(f"settings {name}"), rows, dimensions)
        write_npy(work / "v.npy", vectors, dimensions)
        command = [vecdb, "build", folder / "database.vecdb", "--vectors", work / "v.npy", "--metric", metric, "--seed", "7",
                   "--progress", "never", "--index", "tree-ah", *options]
        if form == "copies":
            (work / "ids.txt").write_text("".join(f"movie {i % (rows // 3)}\n" for i in range(rows)))
            command += ["--ids", work / "ids.txt"]
        folder.mkdir(parents=True)
        run(command)
    changes = dict(OLDER.get(name, {}))
    catalog = folder / "database.vecdb" / "catalog.sqlite"
    with sqlite3.connect(catalog) as sql:
        if "others" in name:
            text, = sql.execute("SELECT value FROM setting WHERE key = 'search_settings'").fetchone()
            changes["search_settings"] = "0" * 32 + text[32:]
        for key, value in changes.items():
            sql.execute(resealed(sql, "setting", {"value": value}, f"key = '{key}'"))
    sql.close()
    (folder / "database.vecdb" / "lock").write_bytes(bytes(256))


# Questions: pairs of a vector and options.


def questions(name, database):
    s, generator = database.segment, random.Random(f"queries {name}")
    d, n = s.dimensions, s.rows
    for k in (1, 2, 4, 9, 10, 11, 16, 25, 26, 30, 31, 60, 99, 100, 101, 130, 300, 1000, 1001):
        if k <= n:
            yield gaussian(generator, d), {"k": k}
    for k, count in ((1, n // 3), (10, n // 2), (10, n * 9 // 10), (30, n * 3 // 4)):
        yield gaussian(generator, d), {"k": k, "exclude": excluded(database, generator, count)}
    for named in ({"leaves_to_search": 1}, {"reorder": 40}):
        yield gaussian(generator, d), {"k": 2, **named}
    yield gaussian(generator, d), {"k": 5, "exact": True}
    if "copies" in name:
        for i in range(6):
            vector = list(s.vector(i)[0])
            id = database.id(s.ordinal(i))
            for options in ({"k": 6}, {"k": 5, "exact": True}, {"k": 4, "leaves_to_search": 2, "reorder": 8}):
                yield vector, {**options, "exclude": [id]}
        return
    if "uneven" in name:
        yield few_candidates(database)
    yield from told_apart(name, database, generator)


def excluded(database, generator, count):
    rows = sorted(generator.sample(range(database.segment.rows), count))
    return list(dict.fromkeys(database.id(database.segment.ordinal(row)) for row in rows))


# How many databases have told a mutant apart; two are enough.
TOLD = Counter()


def told_apart(name, database, generator):
    """Questions without knobs that mutants answer in another way, as far as few tries find any."""
    s = database.segment
    grid = [(k, live) for k in (1, 3, 4, 7, 10, 13, 20, 30, 40, 60) for live in range(max(k, s.rows // 100), s.rows)]
    grid += [(k, s.rows) for k in range(1, s.rows + 1, 1 + s.rows // 300)]
    plans = {(k, live): database.knobs(k, live) for k, live in grid}
    for mutant in MUTANTS:
        if not mutant.startswith(KINDS) or TOLD[mutant] == 2:
            continue
        other = mutated(mutant).Database(database.path)
        tries = [place for place, plan in plans.items() if other.knobs(*place) != plan]
        generator.shuffle(tries)
        for k, live in tries[:20]:
            vector, options = gaussian(generator, s.dimensions), {"k": k}
            if live < s.rows:
                options["exclude"] = excluded(database, generator, s.rows - live)
            if database.search(vector, **options) != other.search(vector, **options):
                TOLD[mutant] += 1
                print(f"{name}: {mutant}", file=sys.stderr)
                yield vector, options
                break


def few_candidates(database):
    """First blocks hold fewer than k rows that may be returned: all other blocks are scanned, however low their bounds."""
    s = database.segment
    _, _, first, count = max(s.leaves, key=lambda leaf: leaf[3])
    rows = range(first, first + 32)
    return ([1.0] * s.dimensions,
            {"k": s.rows - count + 10, "leaves_to_search": 2, "reorder": 0,
             "exclude": [database.id(s.ordinal(row)) for row in rows]})


# Intermediates.


def traced(name, database):
    generator = random.Random(f"intermediates {name}")
    d = database.segment.dimensions
    yield gaussian(generator, d), {"k": 5, "leaves_to_search": 2, "reorder": 12}
    yield gaussian(generator, d, 3), {"k": 3, "leaves_to_search": 4, "reorder": 40}
    if database.segment.metric == "dot":
        # So short that the inverse of a table's range is infinite: its step is 0.
        yield gaussian(generator, d, 1e-38), {"k": 3, "leaves_to_search": 2, "reorder": 9}


# Variants.


def cases(sql):
    """Name, exit code, what the refusal must name, the text of `search_settings`. The form is `catalog.md`'s, section 2."""
    uuid = sql.execute("SELECT hex(uuid) FROM segment").fetchone()[0].lower()
    line = "1 2 3 0.9 16 candidates -"
    fields = ["k", "leaves_to_search", "reorder", "recall", "sample_queries", "sample_source", "mean_us"]

    def one(field, value):
        parts = line.split(" ")
        parts[fields.index(field)] = value
        return f"{uuid}\n{' '.join(parts)}"

    for field in ("k", "leaves_to_search", "reorder", "sample_queries"):
        for value in ("017", "+1", "-1", "", "1.0", "1e1", "0x1", "\u0661", str(2 ** 63)):
            yield f"{field} of a setting is '{value}'", 4, "search_settings", one(field, value)
    for value in ("1.5", "1.0000001", "-0.5", "+0.5", ".5", "1.", "00.5", "0x1p-1", "nan", "inf", "0.5E0", "1e", "", "0,5"):
        yield f"recall of a setting is '{value}'", 4, "search_settings", one("recall", value)
    for value in ("-1", "+1", "nan", "inf", "1e400", "--", "", "07.5", "-0"):
        yield f"mean_us of a setting is '{value}'", 4, "search_settings", one("mean_us", value)
    yield "a setting for no hits", 4, "search_settings", one("k", "0")
    yield "a k twice", 4, "search_settings", f"{uuid}\n{line}\n{line}"
    yield "a falling k", 4, "search_settings", f"{uuid}\n10{line[1:]}\n{line}"
    yield "six fields", 4, "search_settings", f"{uuid}\n{line[:-2]}"
    yield "eight fields", 4, "search_settings", f"{uuid}\n{line} -"
    yield "two spaces between fields", 4, "search_settings", f"{uuid}\n{line[0]} {line[1:]}"
    yield "a space behind a line", 4, "search_settings", f"{uuid}\n{line} "
    yield "tabs between fields", 4, "search_settings", f"{uuid}\n" + line.replace(" ", "\t")
    yield "a line feed behind the last line", 4, "search_settings", f"{uuid}\n{line}\n"
    yield "an empty line", 4, "search_settings", f"{uuid}\n\n{line}"
    yield "a carriage return at the end of a line", 4, "search_settings", f"{uuid}\n{line}\r\n10{line[1:]}"
    yield "a line that is no setting", 4, "search_settings", f"{uuid}\nnone"
    many = [f"{k}{line[1:]}" for k in range(1, 66)]
    yield "settings for 65 k", 4, "search_settings", "\n".join([uuid, *many])
    yield "more than 65,536 bytes", 4, "setting", f"{uuid}\n" + line.replace("0.9", "0." + "9" * 65536)
    yield "more than 65,536 bytes for another segment", 4, "setting", "0" * 65537
    yield "an unknown source", 5, "search_settings", one("sample_source", "guessed")
    yield "an unknown source that is empty", 5, "search_settings", one("sample_source", "")
    yield "a known source in capitals", 5, "search_settings", one("sample_source", "Candidates")
    yield "an unknown source beside a recall above 1", 4, "search_settings", \
        one("sample_source", "guessed") + "\n10 2 30 1.5 16 candidates -"
    yield "an unknown source beside a k twice", 4, "search_settings", one("sample_source", "guessed") + f"\n{line}"
    for name, text in {
        "no k": uuid, "settings for 64 k": "\n".join([uuid, *many[:64]]),
        "knobs of 0": f"{uuid}\n1 0 0 0 0 queries 0",
        "the largest numbers": f"{uuid}\n" + " ".join([str(2 ** 63 - 1)] * 3 + ["1", str(2 ** 63 - 1), "given", "1e308"]),
        "a recall with an exponent": one("recall", "1.5e-01"), "a recall of 1e+0": one("recall", "1e+0"),
        "a time with a fraction": one("mean_us", "12.75"),
        "a recall that underflows": one("recall", "1e-400"),
    }.items():
        yield f"settings: {name}", 0, "", text
    for name, text in {
        "no text": "", "a word": "later", "an empty line": "\n", "its uuid in capitals": uuid.upper() + "\nnone",
        "its uuid and more": uuid + "0\nnone", "its uuid less a digit": uuid[1:] + "\nnone",
        "a space before its uuid": f" {uuid}\nnone", "a carriage return behind its uuid": f"{uuid}\r\n{line}",
        "another segment": "0" * 32 + f"\n{line}", "another segment, and no settings": "0" * 32 + "\nnone\n\n",
        "another segment, and a source that nobody knows": "0" * 32 + "\n" + line.replace("candidates", "guessed"),
        "another segment, and 65 k": "\n".join(["0" * 32, *many]),
        "another segment, and its uuid in the second line": "0" * 32 + f"\n{uuid}\nnone",
    }.items():
        yield f"settings that mean nothing: {name}", 0, "", text


def make_variants(vecdb, place):
    place.mkdir()
    query = make_base(vecdb, place / "tree", "tree")
    with sqlite3.connect(place / "tree" / "catalog.sqlite") as sql:
        found = [{"name": name, "base": "tree", "code": code, "names": names,
                  "catalog": [resealed(sql, "setting", {"value": text}, "key = 'search_settings'")]}
                 for name, code, names, text in cases(sql)]
        condition = "key = 'search_settings'"
        found += [
            {"name": "settings without their checksum", "base": "tree", "code": 4, "names": "setting",
             "catalog": [f"UPDATE setting SET crc = 0 WHERE {condition}"]},
            {"name": "no settings", "base": "tree", "code": 0, "names": "",
             "catalog": [f"DELETE FROM setting WHERE {condition}"]},
        ]
    sql.close()
    lines = ",\n".join(json.dumps(case, ensure_ascii=False) for case in found)
    (place / "variants.json").write_text(json.dumps({"queries": {"tree": query}}, ensure_ascii=False)[:-1]
                                         + ', "cases": [\n' + lines + "\n]}\n")


def main():
    vecdb, place = arguments(__doc__)
    place.mkdir(parents=True)
    for name in DATABASES:
        folder = place / name
        build(vecdb, folder, name)
        database = Database(folder / "database.vecdb")
        write_answers(folder, [answer(vecdb, folder, {"vector": vector}, options)
                               for vector, options in questions(name, database)])
    (place / "intermediates").mkdir()
    for name in ("l2-tree-1100-projected", "dot-tree-600-radii"):
        database = Database(place / name / "database.vecdb")
        (place / "intermediates" / f"{name}.json").write_text(
            file_of(f"../{name}/database.vecdb", database, [], traced(name, database)))
    make_variants(vecdb, place / "variants")
    (place / "SHA256SUMS").write_text(sums(place))
    sys.exit(check(place))


if __name__ == "__main__":
    main()
