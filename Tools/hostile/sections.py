"""Sections and files in the wrong place. Checksums are always up to date."""

import argparse
import itertools
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

from experiment.report import Section
from experiment.segment_image import (
    BLOCK_CHECKSUMS, IN_ENTRY, IN_HEADER, Entry, Image, segment_of
)  # fmt: skip

from .crafted import Case, Group, is_refused, is_refused_where_the_documents_say_so, run_groups
from .world import FORMS, World

QUICK = 80


def run_sections(world: World, arguments: argparse.Namespace) -> list[Section]:
    groups = {}
    for form in FORMS:
        groups[form] = Group(form, _misplaced, is_refused, QUICK)
        groups[f"{form}-foreign"] = Group(
            form, lambda database, form=form: _foreign(world, form, database), is_refused_where_the_documents_say_so, QUICK
        )
    return run_groups("sections", groups, world, arguments)


def run_mixes(world: World, arguments: argparse.Namespace) -> list[Section]:
    groups = {form: Group(form, lambda _, form=form: _mixes(world, form), is_refused) for form in FORMS}
    return run_groups("mixes", groups, world, arguments)


def _case(name: str, change: Callable[[Image], None]) -> Case:
    def apply(database: Path) -> None:
        image = Image(database)
        change(image)
        image.install(database)

    return Case(name, apply)


def _rebuilt(name: str, arrange: Callable[[list[Entry]], list[Entry]]) -> Case:
    """Other sections in a file that is laid out as a writer would."""
    return _case(name, lambda image: image.rebuild(arrange(image.entries())))


def _misplaced(database: Path) -> Iterator[Case]:
    """Tables whose entries contradict the file's order, and files that lack or double sections."""
    entries = Image(database).entries()
    for first, second in itertools.combinations(range(len(entries)), 2):
        names = f"{entries[first].name} and {entries[second].name}"
        yield _case(f"table entries of {names} exchanged", _exchange(first, second, 0, 64))
        yield _case(f"places of {names} exchanged", _exchange(first, second, 8, 24))
        yield _case(f"{names} at one place", _same_place(first, second))
    for index, entry in enumerate(entries):
        for step in (1, 64, 4096, 65_536, -1, -64, -4096, -65_536):
            yield _case(f"{entry.name} moved by {step}", _moved(index, step))
        yield _rebuilt(f"{entry.name} left out", lambda found, index=index: found[:index] + found[index + 1 :])
        yield _rebuilt(
            f"{entry.name} doubled", lambda found, index=index: found[:index] + [found[index].copy()] + found[index:]
        )
        if entry.name not in ("ids", BLOCK_CHECKSUMS) and entry.content:
            for change in (-1, 1):
                yield _rebuilt(f"{entry.name} with {change} rows more", _resized(index, change))
            yield _rebuilt(f"{entry.name} emptied", _resized(index, None))
    for count in (0, 1, len(entries) - 1, len(entries) + 1, 64, 65):
        if count != len(entries):
            yield _case(f"{count} sections", _counted(count))


def _exchange(first: int, second: int, start: int, size: int) -> Callable[[Image], None]:
    def change(image: Image) -> None:
        one, other = (image.place(index) + start for index in (first, second))
        data = image.data
        data[one:one + size], data[other:other + size] = data[other:other + size], data[one:one + size]
        image.seal()

    return change


def _same_place(first: int, second: int) -> Callable[[Image], None]:
    def change(image: Image) -> None:
        source, target = (image.place(index) + IN_ENTRY["offset"].offset for index in (first, second))
        image.data[target:target + 8] = image.data[source:source + 8]
        image.seal()

    return change


def _moved(index: int, step: int) -> Callable[[Image], None]:
    def change(image: Image) -> None:
        field = IN_ENTRY["offset"].placed("entry", image.place(index))
        field.write(image.data, (field.read(image.data) + step) % (1 << 64))
        image.seal()

    return change


def _counted(count: int) -> Callable[[Image], None]:
    def change(image: Image) -> None:
        IN_HEADER["sections"].write(image.data, count)
        image.seal()

    return change


def _resized(index: int, change: "int | None") -> Callable[[list[Entry]], list[Entry]]:
    """A section with a row more or less; `None`: with none."""

    def arrange(entries: list[Entry]) -> list[Entry]:
        entry = entries[index]
        stride = entry.read("stride") or 4
        if change is None:
            entry.content = bytearray()
        elif change < 0:
            entry.content = entry.content[:change * stride]
        else:
            entry.content = entry.content + bytes(change * stride)
        return entries

    return arrange


def _foreign(world: World, form: str, database: Path) -> Iterator[Case]:
    """Sections of other databases, of the same size and of others; a section of a kind that nobody knows."""
    for other_form, name in [(form, "b"), *((other, "a") for other in FORMS if other != form)]:
        for other in Image(world.database(other_form, name)).entries():
            if other.name != BLOCK_CHECKSUMS:
                yield _rebuilt(f"{other.name} of {other_form} {name}", _replaced(other))
    entries = Image(database).entries()
    for first, second in itertools.combinations(range(len(entries)), 2):
        names = f"{entries[first].name} and {entries[second].name}"
        yield _case(f"kinds of {names} exchanged", _exchange(first, second, 0, 2))
    for kind in (15, 16, 19, 255, 65_535):
        for place in (0, 1, -1):
            yield _rebuilt(f"section of kind {kind} at {place}", _inserted(kind, place))


def _replaced(other: Entry) -> Callable[[list[Entry]], list[Entry]]:
    def arrange(entries: list[Entry]) -> list[Entry]:
        kept = [other.copy() if entry.kind == other.kind else entry for entry in entries]
        return kept if other.kind in {entry.kind for entry in entries} else [kept[0], other.copy(), *kept[1:]]

    return arrange


def _inserted(kind: int, place: int) -> Callable[[list[Entry]], list[Entry]]:
    def arrange(entries: list[Entry]) -> list[Entry]:
        entries.insert(place % len(entries), Entry.new(kind, b"nobody knows what this is"))
        return entries

    return arrange


def _mixes(world: World, form: str) -> Iterator[Case]:
    """Catalogs and segments that do not belong together, under every name that may pass for the right one."""
    other = world.database(form, "b")
    later = world.new_place("later") / "movies.vecdb"
    shutil.copytree(world.database(form), later)
    world.succeed(world.build_words(later, form, "c"))
    strangers = {"another database": other, "a later generation": later}
    for form_name in FORMS:
        if form_name != form:
            strangers[f"a database of the form {form_name}"] = world.database(form_name)
    for whose, source in strangers.items():
        yield Case(f"segment of {whose} under the own name", lambda database, source=source: _segment(database, source))
        yield Case(
            f"segment of {whose} under its name alone",
            lambda database, source=source: _segment(database, source, keeps_name=True),
        )
        yield Case(f"catalog of {whose}", lambda database, source=source: _catalog(database, source))
        yield Case(
            f"catalog of {whose}, segment renamed for it",
            lambda database, source=source: _catalog(database, source, renames=True),
        )
    yield Case("no segment", lambda database: segment_of(database).unlink())
    yield Case("an empty segment", lambda database: segment_of(database).write_bytes(b""))
    yield Case("an empty catalog", lambda database: (database / "catalog.sqlite").write_bytes(b""))
    yield Case("the catalog as segment", _catalog_as_segment)
    yield Case("the segment as catalog", _segment_as_catalog)
    yield Case(
        "the own uuid in a segment of another database",
        lambda database: _segment(database, other, adopts=range(40, 72)),
    )
    yield Case(
        "the database's uuid in a segment of a later generation",
        lambda database: _segment(database, later, adopts=range(56, 72)),
    )


def _segment(database: Path, source: Path, keeps_name: bool = False, adopts: "range | None" = None) -> None:
    own = segment_of(database)
    foreign = segment_of(source)
    image = Image(source)
    if adopts:
        image.data[adopts.start:adopts.stop] = own.read_bytes()[adopts.start:adopts.stop]
        image.seal_header()
    own.unlink()
    (database / (foreign.name if keeps_name else own.name)).write_bytes(image.data)


def _catalog(database: Path, source: Path, renames: bool = False) -> None:
    shutil.copy(source / "catalog.sqlite", database / "catalog.sqlite")
    if renames:
        segment_of(database).rename(database / segment_of(source).name)


def _catalog_as_segment(database: Path) -> None:
    shutil.copy(database / "catalog.sqlite", segment_of(database))


def _segment_as_catalog(database: Path) -> None:
    shutil.copy(segment_of(database), database / "catalog.sqlite")
