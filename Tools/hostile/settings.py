"""The setting `search_settings` in forms that it does not have (Formats/catalog.md, section 2)."""

from collections.abc import Callable, Iterator
from pathlib import Path

from experiment.catalog_rows import connected, update_sealed

from .crafted import Case

# A line of `search_settings`, each of whose fields takes the place of the one that is written as `{}`.
LINES = {
    "k": ("{} 2 20 0.9 9 queries -", ("0", "-1", "01", "+1", "", "1.0", "x", str(2**63), "9" * 4000)),
    "leaves": ("1 {} 20 0.9 9 queries -", ("-1", "02", "", str(2**63), "x" * 60_000)),
    "reorder": ("1 2 {} 0.9 9 queries -", ("-1", "02", "", str(2**63))),
    "recall": ("1 2 20 {} 9 queries -", ("nan", "inf", "-1", "2", "1e400", ".5", "1.", "0x1p-1", "9" * 60_000)),
    "queries": ("1 2 20 0.9 {} queries -", ("-1", "09", "", str(2**63))),
    "source": ("1 2 20 0.9 9 {} -", ("", "x", "QUERIES", "\u0661", "x" * 60_000)),
    "time": ("1 2 20 0.9 9 queries {}", ("", "nan", "inf", "-1", "1e400", "--", "- -")),
}


def _texts() -> Iterator[tuple[str, str]]:
    """What follows the uuid in settings of several k, in forms that are none."""
    line = "1 2 20 0.9 9 queries -"
    for field, (form, values) in LINES.items():
        for value in values:
            yield f"{field} {value[:20]!r} of {len(value)}", "\n" + form.format(value)
    yield "a k twice", f"\n{line}\n{line}"
    yield "a falling k", f"\n2{line[1:]}\n{line}"
    yield "six fields", "\n" + line[:-2]
    yield "an empty line", "\n"
    yield "60,000 lines", "\n" * 60_000
    yield "60,000 fields", "\n" + " " * 60_000
    yield "65 k", "".join(f"\n{k}{line[1:]}" for k in range(1, 66))
    yield "a carriage return", f"\n{line}\r"


def search_settings() -> Iterator[Case]:
    """Under the uuid of the live segment: refused."""
    for name, text in _texts():
        yield Case(f"settings: {name}", _measured(None, text))
    for size in (65_537, 1 << 20):
        yield Case(f"settings of {size} bytes", _measured(None, "x" * (size - 32)))
        yield Case(f"settings of others, {size} bytes", _measured("0" * 32, "x" * (size - 32)))


def settings_of_others() -> Iterator[Case]:
    """Under another uuid than the live segment's they mean nothing, whatever they hold."""
    for uuid in ("", "0" * 32, "x", "\u0661" * 32):
        for name, text in _texts():
            yield Case(f"settings of {uuid[:4]!r}: {name}", _measured(uuid, text))


def _measured(uuid: "str | None", text: str) -> Callable[[Path], None]:
    """Settings of several k that begin with a uuid, or the live segment's own."""

    def apply(database: Path) -> None:
        with connected(database) as connection:
            own = connection.execute("SELECT lower(hex(uuid)) FROM segment WHERE died IS NULL").fetchone()[0]
            value = (own if uuid is None else uuid) + text
            update_sealed(connection, "setting", {"value": value}, "key = 'search_settings'")

    return apply
