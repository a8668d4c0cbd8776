"""Bits turned over one by one, and files of every length."""

import argparse
import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from crash.report import Section

from .crafted import section_of
from .image import ENTRY, Image
from .probe import Request, sweep
from .world import FORMS, World, segment_of

# Points of a section in the quick form.
SAMPLE = 1_500
# A catalog is mostly one page for each table, whatever the rows: few of them do.
CATALOG_ROWS = 40
# Extensions are tried byte by byte up to some pages.
EXTENSION = 10_000

Cases = dict[str, Callable[[World], tuple[Path, Request]]]


def run_flips(world: World, arguments: argparse.Namespace) -> list[Section]:
    cases: Cases = {}
    for form in FORMS:
        cases[form] = lambda world, form=form: _bits(world, form, "flips")
    cases["padding"] = _padding
    cases["catalog"] = lambda world: _catalog(world, lookups=False)
    cases["catalog-lookups"] = lambda world: _catalog(world, lookups=True)
    return _run("flips", cases, world, arguments)


def run_lengths(world: World, arguments: argparse.Namespace) -> list[Section]:
    return _run(
        "lengths",
        {"segment": _truncation, "extended-segment": _extension, "catalog": _catalog_truncation},
        world,
        arguments,
    )


def run_sealed(world: World, arguments: argparse.Namespace) -> list[Section]:
    cases: Cases = {form: lambda world, form=form: _bits(world, form, "sealed") for form in FORMS}
    return _run("sealed", cases, world, arguments)


def _run(part: str, cases: Cases, world: World, arguments: argparse.Namespace) -> list[Section]:
    sections = []
    for name, prepare in cases.items():
        if arguments.only not in (None, name):
            continue

        def body(section: Section) -> None:
            database, request = prepare(world)
            if arguments.point is not None:
                request = replace(request, points=(range(arguments.point, arguments.point + 1),))
            elif arguments.quick:
                request = replace(request, points=_sample(request.points, SAMPLE, arguments.seed))
            sweep(world, section, database, request, arguments.threads)

        sections.append(section_of(part, name, body))
    return sections




def _sample(points: tuple[range, ...], count: int, seed: int) -> tuple[range, ...]:
    """A fixed choice: the first and the last point of each range, and random ones by its length."""
    generator = random.Random(seed)
    total = sum(map(len, points))
    chosen: set[int] = set()
    for part in points:
        chosen |= {part.start, part.stop - 1}
        chosen |= {generator.choice(part) for _ in range(count * len(part) // total)}
    return tuple(range(point, point + 1) for point in sorted(chosen))


def _meaningful(database: Path) -> list[range]:
    """Bytes of a segment that mean something: header, table, sections."""
    image = Image(database)
    return [range(8192)] + [
        range(entry.offset, entry.offset + len(entry.content)) for entry in image.entries() if entry.content
    ]


def _bits(world: World, form: str, attack: str) -> tuple[Path, Request]:
    """All bits that mean something."""
    database = world.database(form)
    parts = _meaningful(database)
    if attack == "sealed":
        # The rest of the table's page is flipped in `flips`: no checksum covers it.
        parts[0] = range(4096 + ENTRY * Image(database).count)
    points = tuple(range(8 * part.start, 8 * part.stop) for part in parts)
    return database, Request(attack, points, verdict=attack == "flips")


def _padding(world: World) -> tuple[Path, Request]:
    """All bits between and behind sections: no query reads them, verify must."""
    database = world.database("exact")
    meaningful = _meaningful(database)
    ends = [part.start for part in meaningful[1:]] + [segment_of(database).stat().st_size]
    gaps = [range(part.stop, end) for part, end in zip(meaningful, ends) if part.stop < end]
    return database, Request("flips", tuple(range(8 * gap.start, 8 * gap.stop) for gap in gaps), answers=False)


def _catalog(world: World, lookups: bool) -> tuple[Path, Request]:
    database = world.database("exact", rows=CATALOG_ROWS)
    size = (database / "catalog.sqlite").stat().st_size
    return database, Request("catalog", (range(8 * size),), verdict=lookups, lookups=lookups, deep=True)


def _truncation(world: World) -> tuple[Path, Request]:
    database = world.database("tree-dot")
    return database, Request("truncation", (range(segment_of(database).stat().st_size),))


def _extension(world: World) -> tuple[Path, Request]:
    return world.database("tree-dot"), Request("extension", (range(EXTENSION),))


def _catalog_truncation(world: World) -> tuple[Path, Request]:
    database = world.database("exact", rows=CATALOG_ROWS)
    size = (database / "catalog.sqlite").stat().st_size
    return database, Request("catalog-truncation", (range(size),), verdict=False)
