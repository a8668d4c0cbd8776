"""Golden databases (golden.md)."""

import json
import pathlib
import sqlite3
import struct
import sys

from .database import Database
from .numerics import f32
from .refusal import Refused


def check(directory):
    """Verifies every golden database and compares every expected answer: ids, order, and scores to the bit."""
    passed = failed = 0
    for expected in sorted(pathlib.Path(directory).rglob("expected.json")):
        cases = json.loads(expected.read_text())
        try:
            database = Database(expected.parent / "database.vecdb")
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
                if hits == want:
                    passed += 1
                else:
                    failed += 1
                    print(f"{expected.parent.name}, query {number}: found {hits[:3]}…, expected {want[:3]}…",
                          file=sys.stderr)
        except (Refused, sqlite3.Error, struct.error) as error:
            failed += 1
            print(f"{expected.parent.name}: {error}", file=sys.stderr)
    print(f"{passed} passed, {failed} failed")
    return 0 if failed == 0 and passed > 0 else 1
