"""Catalogs whose B-trees are no trees: pages that all lead to one child, cycles, deep chains."""

import argparse
import sqlite3
import struct
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from experiment.errors import Violation
from experiment.report import Section, sections_of

from .catalogs import TABLES
from .world import World

# Every command must be done with any of these in so many seconds, with so many KiB of memory.
PATIENCE_SECONDS = 15
MEMORY_KIBIBYTES = 1 << 20
INDEXES = ("candidate_1_id", "query_1_id")
STATISTICS = "sqlite_stat1"
# Written rows, not pages: what a reader must not believe.
CLAIMED_ROWS = 300_000


@dataclass(frozen=True)
class Shape:
    """`levels` pages above what was the root, each with `children` places for the same page below it."""

    name: str
    levels: int
    children: int


SHAPES = (
    Shape("all lead to one child", 12, 60),
    # Fewer repetitions than SQLite's own check lists before it gives up.
    Shape("two ways to each child", 18, 2),
    Shape("a deep chain", 60_000, 1),
    Shape("a page that leads to itself", 0, 60),
)


class Pages:
    """The pages of a catalog, to be changed and written back (https://sqlite.org/fileformat2.html)."""

    def __init__(self, catalog: Path):
        self.catalog = catalog
        data = catalog.read_bytes()
        self.size = struct.unpack_from(">H", data, 16)[0]
        self.pages = [bytearray(data[at:at + self.size]) for at in range(0, len(data), self.size)]

    def save(self) -> None:
        struct.pack_into(">I", self.pages[0], 28, len(self.pages))
        self.pages[0][92:96] = self.pages[0][24:28]  # the count of pages is up to date
        self.catalog.write_bytes(b"".join(self.pages))

    def add(self, page: bytes) -> int:
        """Its number."""
        self.pages.append(bytearray(page).ljust(self.size, b"\0"))
        return len(self.pages)

    def bend(self, root: int, shape: Shape) -> None:
        """Puts pages of the shape between the first leaf of a tree and what it has been."""
        start = 100 if root == 1 else 0
        page = self.pages[root - 1]
        while page[start] in (2, 5):
            cell = struct.unpack_from(">H", page, start + 12)[0]
            root, start = struct.unpack_from(">I", page, cell)[0], 0
            page = self.pages[root - 1]
        is_index = page[start] == 10
        payload = self._first_payload(page, start) if is_index else b"\x01"
        below = self.add(self._moved(page, start)) if start else self.add(page)
        if not shape.levels:
            page[start:] = self._interior(is_index, [root] * shape.children, payload, start)
            return
        for _ in range(shape.levels - 1):
            below = self.add(self._interior(is_index, [below] * shape.children, payload, 0))
        page[start:] = self._interior(is_index, [below] * shape.children, payload, start)

    def _moved(self, page: bytearray, start: int) -> bytearray:
        """A leaf of page 1 as a page without the file's header."""
        count = struct.unpack_from(">H", page, start + 3)[0]
        moved = bytearray(page)
        moved[:8 + 2 * count] = page[start:start + 8 + 2 * count]
        return moved

    @staticmethod
    def _first_payload(page: bytearray, start: int) -> bytes:
        """The first cell of an index leaf: a payload's size in one byte, and the payload."""
        cell = struct.unpack_from(">H", page, start + 8)[0]
        assert page[cell] < 128
        return bytes(page[cell:cell + 1 + page[cell]])

    def _interior(self, is_index: bool, children: list[int], payload: bytes, start: int) -> bytes:
        """A page from `start` on: a cell for each child, and the last one to the right again."""
        page = bytearray(self.size)
        end = self.size
        places = []
        for child in children:
            cell = struct.pack(">I", child) + payload
            if end - len(cell) < start + 14 + 2 * len(places):
                break
            end -= len(cell)
            page[end:end + len(cell)] = cell
            places.append(end)
        struct.pack_into(">BHHHBI", page, start, 2 if is_index else 5, 0, len(places), end, 0, children[-1])
        for number, place in enumerate(places):
            struct.pack_into(">H", page, start + 12 + 2 * number, place)
        return bytes(page[start:])


def bent(table: str, shape: Shape) -> Callable[[Path], None]:
    """The tree of a table or index in the given shape."""

    def apply(database: Path) -> None:
        catalog = database / "catalog.sqlite"
        with sqlite3.connect(catalog, isolation_level=None) as connection:
            if table == STATISTICS:
                connection.execute("ANALYZE")
            found = connection.execute("SELECT rootpage FROM sqlite_schema WHERE name = ?", (table,)).fetchone()
        connection.close()
        pages = Pages(catalog)
        pages.bend(1 if table == "sqlite_schema" else found[0], shape)
        pages.save()

    return apply


def claimed(table: str) -> Callable[[Path], None]:
    """Far more rows than any catalog has, each as it should be."""

    def apply(database: Path) -> None:
        columns = {
            "staging": "x + 100, zeroblob(16), 'segment-' || hex(zeroblob(16)) || '.vseg', ''",
            "segment": "x + 100, uuid, file_name, 1, 1, 1, 0, 'implicit', NULL, 0, 1, 1, 0",
            "setting": "'key' || x, '', 0",
            "metadata_column": "1, x + 100, x, x, 'text', 0",
        }[table]
        source = f", {table}" if table == "segment" else ""
        with sqlite3.connect(database / "catalog.sqlite", isolation_level=None) as connection:
            connection.execute("PRAGMA synchronous=OFF")
            connection.execute(
                f"WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n LIMIT {CLAIMED_ROWS}) "
                f"INSERT INTO {table} SELECT {columns} FROM n{source}"
            )
        connection.close()

    return apply


def run_trees(world: World, arguments: argparse.Namespace) -> list[Section]:
    """Every table in every shape: each command ends soon, in bounded memory, and never by a signal."""
    cases = {
        f"{table}, {shape.name}": bent(table, shape)
        for table in ("sqlite_schema", STATISTICS, *TABLES, *INDEXES)
        for shape in SHAPES
    } | {
        f"{CLAIMED_ROWS:,} rows of {table}": claimed(table)
        for table in ("staging", "segment", "setting", "metadata_column")
    }

    def play(world: World, section: Section) -> None:
        for name, apply in list(cases.items())[:: 5 if arguments.quick else 1]:
            _try(world, section, name, apply)

    return sections_of("trees", {"shapes": play}, world, arguments)


def _try(world: World, section: Section, name: str, apply: Callable[[Path], None]) -> None:
    commands = {
        "query": lambda database: ["query", str(database), "--query-id", "0", "--with-metadata"],
        "inspect": lambda database: ["inspect", str(database)],
        "verify": lambda database: ["verify", str(database), "--deep", "--progress", "never"],
        "tune": lambda database: ["tune", str(database), "--target-recall", "0.5", "-k", "3"],
        "build": lambda database: world.build_words(database, "tree-dot"),
        "build after build": lambda database: world.build_words(database, "tree-dot"),
    }
    copy = world.copy(world.database("tree-dot"))
    apply(copy)
    for command, words in commands.items():
        section.count("points")
        began = time.monotonic()
        try:
            limits = f"ulimit -c 0; ulimit -v {MEMORY_KIBIBYTES}; ulimit -t {PATIENCE_SECONDS}"
            outcome = world.run(words(copy), limits)
        except Violation as violation:
            section.fail(f"{name}, {command}", str(violation))
            continue
        seconds = time.monotonic() - began
        if outcome.returncode < 0 or outcome.returncode > 128:
            section.fail(f"{name}, {command}", f"ended by signal {outcome.returncode} after {seconds:.0f} s")
        elif command == "verify" and outcome.returncode == 0:
            section.fail(f"{name}, {command}", "verify finds nothing wrong")
    world.discard(copy)
