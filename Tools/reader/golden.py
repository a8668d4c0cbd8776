"""Golden databases, intermediates and variants (golden.md)."""

import json
import pathlib
import shutil
import sqlite3
import struct
import sys
import tempfile

from .database import Database
from .intermediates import computed, documents
from .numerics import f32
from .refusal import Refused

# What Python makes of damage that no rule has named.
DAMAGE = (sqlite3.Error, struct.error, LookupError, UnicodeDecodeError, ValueError)


class Tally:
    def __init__(self):
        self.passed = self.failed = 0

    def note(self, is_right, name, problem):
        self.passed += is_right
        self.failed += not is_right
        if not is_right:
            print(f"{name}: {problem}", file=sys.stderr)


def check(directory):
    """Everything golden below a directory: answers, intermediates, variants."""
    tally = Tally()
    checks = {"expected.json": check_answers, "intermediates.json": check_intermediates, "variants.json": check_variants}
    for file in sorted(pathlib.Path(directory).rglob("*.json")):
        kind = "intermediates.json" if "intermediates" in file.parts else file.name
        if kind not in checks:
            continue
        try:
            checks[kind](file, json.loads(file.read_text()), tally)
        except (Refused, *DAMAGE) as error:
            tally.note(False, file, error)
    print(f"{tally.passed} passed, {tally.failed} failed")
    return 0 if tally.failed == 0 and tally.passed > 0 else 1


def check_answers(file, cases, tally):
    """Verifies a database and compares every expected answer: ids, order, and scores to the bit."""
    database = Database(file.parent / "database.vecdb")
    segment = database.segment
    for ordinal in range(segment.first_ordinal, segment.first_ordinal + segment.span):
        if segment.row(ordinal) is not None:
            database.id(ordinal)
            database.metadata(ordinal)
    for number, case in enumerate(cases["queries"]):
        vector = case["vector"] if "vector" in case else database.query_vector(case["query_id"])
        hits = [{"id": database.id(ordinal), "score": score}
                for ordinal, score in database.search(vector, **case["options"])]
        want = [{"id": hit["id"], "score": f32(hit["score"])} for hit in case["hits"]]
        tally.note(hits == want, f"{file.parent.name}, query {number}", f"found {hits[:3]}…, expected {want[:3]}…")


def check_intermediates(file, cases, tally):
    database = Database(file.parent / cases["database"])
    found = documents(database, cases["documents"])
    tally.note(found == cases["documents"], file.name, "other documents")
    for number, case in enumerate(cases["queries"]):
        want = {name: value for name, value in case.items() if name not in ("vector", "options")}
        found = computed(database, case["vector"], case["options"])
        other = [name for name in want if found.get(name) != want[name]]
        tally.note(not other, f"{file.name}, query {number}", f"other {', '.join(other)}")


def check_variants(file, cases, tally):
    for case in cases["cases"]:
        query = cases["queries"][case["base"]]
        with tempfile.TemporaryDirectory() as place:
            database = pathlib.Path(place) / "database.vecdb"
            make_variant(file.parent, case, database)
            code, found = outcome(database, query)
        expected = case["names"] if case["code"] else outcome(file.parent / case["base"], query)[1]
        tally.note(code == case["code"] and expected in found, f"{file.name}, {case['name']}",
                   f"{code}, {found}; expected {case['code']}, {expected}")


def make_variant(directory, case, database):
    """A copy of the base, some bytes of its segment replaced, some statements run on its catalog."""
    shutil.copytree(directory / case["base"], database)
    segment = next(database.glob("*.vseg"))
    data = segment.read_bytes()
    data = bytearray(data.ljust(case.get("size", 0), b"\0")[:case.get("size", len(data))])
    for offset, text in case.get("segment", []):
        patch = bytes.fromhex(text)
        data[offset:offset + len(patch)] = patch
    segment.write_bytes(data)
    with sqlite3.connect(database / "catalog.sqlite", isolation_level=None) as sql:
        for statement in case["catalog"]:
            sql.execute(statement)
    sql.close()


def outcome(database, query):
    """The exit code of a query with the documents of its hits, and the message, or what was answered."""
    try:
        opened = Database(database)
        hits = opened.search(query["vector"], **query["options"])
        return 0, str([(opened.id(ordinal), score, opened.metadata(ordinal)) for ordinal, score in hits])
    except Refused as refused:
        return refused.code, str(refused)
    except DAMAGE as error:
        return 4, f"{type(error).__name__}: {error}"
