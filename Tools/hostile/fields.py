"""Numbers at their limits: in header, table and parameters, and inside sections. Checksums are always up to date."""

import argparse
import random
import struct
from collections.abc import Iterator
from pathlib import Path

from experiment.report import Section
from experiment.segment_image import BLOCK_CHECKSUMS, Field, Image

from .crafted import (
    Case, Group, is_refused_as_the_documents_say, is_refused_where_the_documents_say_so, run_groups
)  # fmt: skip
from .world import FORMS, World

PAIRS = 3_000
QUICK_FIELDS, QUICK_PAIRS, QUICK_VALUES = 150, 100, 150
FLOATS = (0x7FC00000, 0xFF800000, 0x7F800000, 0x7F7FFFFF, 0xFF7FFFFF, 0x00000001, 0x80000000, 0x7F800001)
# Sections of numbers.
FLOAT_SECTIONS = {
    "routing-centroids", "origin", "centroids", "projection", "codebooks", "codes", "reorder-vectors", "norms",
    "block-radii", "anisotropy",
}  # fmt: skip
# With the bytes of a number.
INTEGER_SECTIONS = {
    "leaves": 4, "ordinals": 4, "rows-by-ordinal": 4, "id-offsets": 8, "slot-rows": 4, BLOCK_CHECKSUMS: 4
}  # fmt: skip
# Where the order of the numbers matters.
REVERSED = {"leaves", "codes", "reorder-vectors", "ordinals", "rows-by-ordinal", "id-offsets", "slot-rows"}


def run_fields(world: World, arguments: argparse.Namespace) -> list[Section]:
    """Every field alone, and a choice of pairs."""
    judge = is_refused_where_the_documents_say_so
    groups = {}
    for form in FORMS:
        groups[form] = Group(form, _single, is_refused_as_the_documents_say, QUICK_FIELDS)
        groups[f"{form}-pairs"] = Group(form, lambda database: _pairs(database, arguments.seed), judge, QUICK_PAIRS)
    return run_groups("fields", groups, world, arguments)


def run_values(world: World, arguments: argparse.Namespace) -> list[Section]:
    """Numbers inside sections, one and all of them."""
    groups = {form: Group(form, _values, is_refused_where_the_documents_say_so, QUICK_VALUES) for form in FORMS}
    return run_groups("values", groups, world, arguments)


def _limits(field: Field, value: int, file_size: int) -> list[int]:
    """Values that a field may be attacked with: limits of its type and of the file, neighbours of what it was."""
    top = 1 << (8 * field.size)
    found = {0, 1, 2, 3, 7, 16, 31, 32, 63, 64, 255, 256, 4096, 65_535, 65_536, 1 << 24}
    found |= {top - 1, top - 2, top >> 1, (top >> 1) - 1, (top >> 1) + 1}
    for edge in (1 << 31, 1 << 32, 1 << 40, 1 << 62, 1 << 63, file_size, value, 2 * value, value // 2):
        found |= {edge - 1, edge, edge + 1}
    found |= {value + 64, value + 4096, value - 4096, value + 65_536}
    return sorted(number for number in found if 0 <= number < top and number != value)


def _changed(changes: tuple[tuple[Field, int], ...]) -> Case:
    def apply(database: Path) -> None:
        image = Image(database)
        for field, value in changes:
            field.write(image.data, value)
        # Only extents that were moved have contents of other checksums.
        image.seal({field.name.split(".")[0] for field, _ in changes})
        image.install(database)

    return Case(", ".join(f"{field.name} = {value}" for field, value in changes), apply)


def _single(database: Path) -> Iterator[Case]:
    image = Image(database)
    for field in image.fields():
        for value in _limits(field, field.read(image.data), len(image.data)):
            yield _changed(((field, value),))


def _pairs(database: Path, seed: int) -> Iterator[Case]:
    """Two fields at once, at random: those of sizes, counts and places more often than others."""
    image = Image(database)
    fields = image.fields()
    words = ("rows", "span", "bytes", "offset", "stored", "logical", "stride", "leaves", "projected", "blocks", "slots")
    weights = [4 if any(word in field.name for word in words) else 1 for field in fields]
    generator = random.Random(seed)
    for _ in range(PAIRS):
        first, second = generator.choices(fields, weights, k=2)
        if second.name.endswith(".stored") and generator.random() < 0.7:
            # Stored and logical must agree, or nothing behind that check is reached.
            first = next(field for field in fields if field.name == second.name.replace(".stored", ".logical"))
        value = generator.choice(_limits(second, second.read(image.data), len(image.data)))
        other = value if first.name.endswith(".logical") else None
        if other is None:
            other = generator.choice(_limits(first, first.read(image.data), len(image.data)))
        yield _changed(((first, other), (second, value)))


def _values(database: Path) -> Iterator[Case]:
    for entry in Image(database).entries():
        if entry.name in FLOAT_SECTIONS:
            for bits in FLOATS:
                for where, places in _places(len(entry.content), 4).items():
                    yield _overwritten(entry.name, f"{where} {bits:#010x}", places, struct.pack("<I", bits))
        if entry.name in INTEGER_SECTIONS:
            size = INTEGER_SECTIONS[entry.name]
            limits = _limits(Field("", 0, size), len(entry.content) // size, len(entry.content))
            for value in limits:
                for where, places in _places(len(entry.content), size).items():
                    packed = value.to_bytes(size, "little")
                    yield _overwritten(entry.name, f"{where} {value}", places, packed)
        if entry.name == "ids":
            for byte in (0x00, 0x80, 0xC0, 0xED, 0xF8, 0xFF):
                yield _overwritten("ids", f"all {byte:#04x}", range(len(entry.content)), bytes([byte]))
        if entry.name in REVERSED:
            yield _reversed(entry.name)


def _places(byte_count: int, size: int) -> "dict[str, range]":
    """Which numbers are overwritten: one at each end, one in the middle, each of the first eight, all."""
    count = byte_count // size
    if count == 0:
        return {}
    some = {0, 1, 2, 3, count // 2, count - 2, count - 1} & set(range(count))
    places = {f"number {place}": range(size * place, size * place + size, size) for place in sorted(some)}
    return places | {"all": range(0, size * count, size)}


def _overwritten(section: str, what: str, places: range, packed: bytes) -> Case:
    def apply(database: Path) -> None:
        image = Image(database)
        offset = image.section(section).offset
        for place in places:
            at = offset + place
            image.data[at:at + len(packed)] = packed
        # Checksums of blocks that are overwritten themselves must stay wrong.
        image.seal(set() if section == BLOCK_CHECKSUMS else {section})
        image.install(database)

    return Case(f"{section}: {what}", apply)


def _reversed(section: str) -> Case:
    """The numbers in the opposite order."""

    def apply(database: Path) -> None:
        image = Image(database)
        entry = image.section(section)
        size = INTEGER_SECTIONS.get(section, 4)
        words = [entry.content[at:at + size] for at in range(0, len(entry.content) - size + 1, size)]
        turned = b"".join(reversed(words))
        image.data[entry.offset:entry.offset + len(turned)] = turned
        image.seal({section})
        image.install(database)

    return Case(f"{section}: reversed", apply)
