"""What files say, where people read it: nothing but printable text; and standard streams that are closed."""

import argparse
import json
import shutil
import sqlite3
import struct
import unicodedata
from collections.abc import Callable
from pathlib import Path

from experiment.errors import Violation
from experiment.report import Section, sections_of

from .world import World

# Clears the screen, colours what follows (as two characters and as one), rings, goes back, turns the direction round.
EVIL = "\x1b[2J\x9b31m\x07\b\u202e"
STREAMS = ("<&-", ">&-", "2>&-")


def run_terminal(world: World, arguments: argparse.Namespace) -> list[Section]:
    scenarios: dict[str, Callable[[World, Section], None]] = {
        "names-in-files": _names,
        "answers": _answers,
        "closed-streams": _closed,
    }
    return sections_of("terminal", scenarios, world, arguments)


def unprintable(text: str, allowed: str = "\n") -> "str | None":
    """The first character that could do anything to a terminal."""
    return next((c for c in text if c not in allowed and (unicodedata.category(c) == "Cc" or c in "\u2028\u202e")), None)


def _run(world: World, section: Section, what: str, words: list[str], limits: str = "", allowed: str = "\n") -> None:
    outcome = world.run(words, limits)
    section.count("commands")
    for name, text in {"standard error": outcome.stderr, "standard output": outcome.stdout}.items():
        found = unprintable(text, allowed if name == "standard output" else "\n")
        if found is not None:
            section.fail(what, f"{name} holds {found!r}: {text[:200]!r}")


def _names(world: World, section: Section) -> None:
    """Names that come from files, in messages about what is wrong with them."""
    place = world.new_place("names")
    tensors = {
        f"{number}{EVIL}": {"dtype": "F32", "shape": [1, 1], "data_offsets": [4 * number, 4 * number + 4]}
        for number in range(2)
    }
    header = json.dumps(tensors).encode()
    (place / "two.safetensors").write_bytes(struct.pack("<Q", len(header)) + header + bytes(8))
    _run(world, section, "tensor names", ["build", str(place / "a"), "--vectors", str(place / "two.safetensors")])
    for names in ({"vectors": EVIL}, {"vectors": f"{EVIL}.npy", "ids": EVIL}, {EVIL: EVIL}):
        export = world.new_place("export")
        manifest = {"format": f"vecdb-embedding-export{EVIL}"[:22], "version": 1, "metric": "dot", "dimensions": 2,
                    "candidates": {**names, "count": 1}, EVIL: EVIL}  # fmt: skip
        (export / "manifest.json").write_text(json.dumps(manifest))
        _run(world, section, "manifest", ["build", str(place / "a"), "--from", str(export)])
    for name in ("csv", "tsv", "ndjson", "npy", "ids"):
        (place / f"odd.{name}").write_text(f"{EVIL},{EVIL}\n{EVIL}\n")
        _run(world, section, name, ["build", str(place / "a"), "--vectors", str(place / f"odd.{name}")])
    for statement in (f'CREATE TABLE "{EVIL}"(a)', f'CREATE VIEW "{EVIL}" AS SELECT 1', "UPDATE setting SET key = key || ?"):
        database = world.copy(world.database("tree-dot"))
        connection = sqlite3.connect(database / "catalog.sqlite", isolation_level=None)
        connection.execute(statement, (EVIL,) if "?" in statement else ())
        connection.close()
        for words in (["query", str(database), "--query-id", "0"], ["verify", str(database)], ["inspect", str(database)]):
            _run(world, section, statement, words)
        world.discard(database)
    database = world.copy(world.database("tree-dot"))
    with (database / "lock").open("r+b") as lock:
        lock.seek(64)
        lock.write(f"pid 1 on {EVIL}\0".encode())
    held = f"exec 9<>'{database}/lock'; flock -n 9"
    _run(world, section, "lock", [*world.build_words(database, "tree-dot"), "--lock-timeout", "0"], held)
    world.discard(database)


def _answers(world: World, section: Section) -> None:
    """Ids and documents, in tables and in tsv."""
    place = world.new_place("answers")
    (place / "v.csv").write_text("1,0.5\n")
    (place / "ids").write_text(f"id{EVIL}\n")
    (place / "m.ndjson").write_text(json.dumps({f"key{EVIL}": EVIL}, ensure_ascii=True) + "\n")
    database = place / "a.vecdb"
    world.succeed(
        ["build", str(database), "--vectors", str(place / "v.csv"), "--ids", str(place / "ids"), "--metadata",
         str(place / "m.ndjson")]
    )  # fmt: skip
    for form, allowed in {"table": "\n", "tsv": "\n\t"}.items():
        words = ["query", str(database), "--vector", "[1,1]", "--with-metadata", "--explain", "--format", form]
        _run(world, section, form, words, allowed=allowed)
    _run(world, section, "inspect", ["inspect", str(database)])


def _closed(world: World, section: Section) -> None:
    """What is printed goes nowhere, and never into a file of the database."""
    for number in range(1, 1 << len(STREAMS)):
        closing = " ".join(stream for place, stream in enumerate(STREAMS) if number >> place & 1)
        database = world.copy(world.database("tree-dot"))
        commands = [
            [*world.build_words(database, "tree-dot"), "--progress", "always"],
            ["tune", str(database), "--target-recall", "0.5", "-k", "3"],
            ["query", str(database), "--query-id", "0", "--explain"],
        ]
        for words in commands:
            world.run(words, f"exec {closing}")
            section.count("commands")
            _expect_sound(world, database, f"{closing}, {words[0]}")
        shutil.rmtree(database)
        world.run([*world.build_words(database, "tree-dot"), "--progress", "always"], f"exec {closing}")
        _expect_sound(world, database, f"{closing}, a new database")
        world.discard(database)


def _expect_sound(world: World, database: Path, what: str) -> None:
    lock = (database / "lock").read_bytes()
    if len(lock) != 256 or any(lock[8:64]) or not lock[64:].startswith(b"pid "):
        raise Violation(f"{what}: something was written into the lock: {lock!r}")
    world.succeed(["verify", str(database), "--deep", "--progress", "never"])
