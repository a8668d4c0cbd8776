"""Bits turned over one by one, and files of every length."""

import argparse
import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from experiment.report import Section, sections_of
from experiment.segment_image import Image, segment_of
from reader.segment import PAGE

from .probe import Request, sweep
from .world import FORMS, World

# Points of a section in the quick form.
SAMPLE = 800
# The form of which every bit is tried; of the others every ninth, so that each of a byte's bits has its turn.
WHOLE = "tree-dot"
STEP = 9
# A catalog is mostly one page for each table, whatever the rows: few of them do.
CATALOG_ROWS = 40
# Extensions are tried byte by byte up to some pages.
EXTENSION = 10_000

Cases = dict[str, Callable[[World], tuple[Path, Request]]]


def run_flips(world: World, arguments: argparse.Namespace) -> list[Section]:
    cases: Cases = {}
    for form in FORMS:
        cases[form] = lambda world, form=form: _bits(world, form, "flips")
    cases["whole-file"] = _whole_file
    cases["catalog"] = _catalog
    cases["catalog-verified"] = _catalog_deep
    return _run("flips", cases, world, arguments)


def run_lengths(world: World, arguments: argparse.Namespace) -> list[Section]:
    return _run(
        "lengths",
        {
            "segment": _truncation,
            "extended-segment": _extension,
            "catalog": _catalog_truncation,
            "unguarded-open-segment": _underneath,
        },
        world,
        arguments,
    )


def run_sealed(world: World, arguments: argparse.Namespace) -> list[Section]:
    cases: Cases = {form: lambda world, form=form: _bits(world, form, "sealed") for form in FORMS}
    return _run("sealed", cases, world, arguments)


def _run(part: str, cases: Cases, world: World, arguments: argparse.Namespace) -> list[Section]:
    def playing(prepare: Callable[[World], tuple[Path, Request]]) -> Callable[[World, Section], None]:
        def play(world: World, section: Section) -> None:
            database, request = prepare(world)
            if arguments.point is not None:
                request = replace(request, points=(range(arguments.point, arguments.point + 1),))
            elif arguments.quick:
                request = replace(request, points=_sample(request.points, SAMPLE, arguments.seed))
            sweep(world, section, database, request, arguments.threads)

        return play

    return sections_of(part, {name: playing(prepare) for name, prepare in cases.items()}, world, arguments)


def _sample(points: tuple[range, ...], count: int, seed: int) -> tuple[range, ...]:
    """A fixed choice: the first and the last point of each range, and random ones by its length."""
    generator = random.Random(seed)
    total = sum(map(len, points))
    chosen: set[int] = set()
    for part in points:
        chosen |= {part[0], part[-1]}
        chosen |= {generator.choice(part) for _ in range(count * len(part) // total)}
    return tuple(range(point, point + 1) for point in sorted(chosen))


def _meaningful(database: Path) -> list[range]:
    """Bytes of a segment that mean something: header, table, sections."""
    return [range(2 * PAGE)] + [entry.extent for entry in Image(database).entries() if entry.content]


def _bits(world: World, form: str, attack: str) -> tuple[Path, Request]:
    """Bits that mean something."""
    database = world.database(form)
    parts = _meaningful(database)
    if attack == "sealed":
        # The rest of the table's page is flipped in `flips`: no checksum covers it.
        image = Image(database)
        parts[0] = range(image.place(image.count))
    step = 1 if form == WHOLE else STEP
    points = tuple(range(8 * part.start, 8 * part.stop, step) for part in parts)
    return database, Request(attack, points, verdict=attack == "flips")


def _whole_file(world: World) -> tuple[Path, Request]:
    """Every bit of a whole file, padding included, for verify alone."""
    database = world.database("plain")
    return database, Request("flips", (range(8 * segment_of(database).stat().st_size),), answers=False)


def _catalog(world: World) -> tuple[Path, Request]:
    """Every bit; what is asked includes what SQLite finds through its indexes."""
    database = world.database("exact", rows=CATALOG_ROWS)
    return database, Request("catalog", (range(8 * _catalog_size(database)),), verdict=False, lookups=True)


def _catalog_deep(world: World) -> tuple[Path, Request]:
    """How much of the same verify notices."""
    database = world.database("exact", rows=CATALOG_ROWS)
    return database, Request("catalog", (range(0, 8 * _catalog_size(database), STEP),), answers=False, deep=True)


def _catalog_size(database: Path) -> int:
    return (database / "catalog.sqlite").stat().st_size


def _truncation(world: World) -> tuple[Path, Request]:
    database = world.database("tree-dot")
    return database, Request("truncation", (range(segment_of(database).stat().st_size),))


def _extension(world: World) -> tuple[Path, Request]:
    return world.database("tree-dot"), Request("extension", (range(EXTENSION),))


def _underneath(world: World) -> tuple[Path, Request]:
    """A program that embeds the library without its guard: every seventh length."""
    database = world.database("plain")
    return database, Request("underneath", (range(0, segment_of(database).stat().st_size, 7),), verdict=False)


def _catalog_truncation(world: World) -> tuple[Path, Request]:
    database = world.database("exact", rows=CATALOG_ROWS)
    return database, Request("catalog-truncation", (range(_catalog_size(database)),), verdict=False)
