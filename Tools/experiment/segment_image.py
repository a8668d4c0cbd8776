"""A segment file in memory, to be changed anywhere and sealed again (Formats/segment.md).

Whatever in Tools makes segments does it here. The second reader knows nothing of it, so that a mistake is not made twice.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from reader import checksum
from reader.segment import NAMES, PAGE

from .catalog_rows import connected, update_sealed

ENTRY = 64
BLOCK_ALIGNMENT = 65_536
MOST_SECTIONS = 64
BLOCK_CHECKSUMS = "block-checksums"
METRICS = {1: "dot", 2: "cosine", 3: "l2"}


@dataclass(frozen=True)
class Field:
    """A number: where, how many bytes."""

    name: str
    offset: int
    size: int

    def read(self, data: "bytes | bytearray") -> int:
        return int.from_bytes(data[self.offset:self.offset + self.size], "little")

    def write(self, data: bytearray, value: int) -> None:
        data[self.offset:self.offset + self.size] = value.to_bytes(self.size, "little")

    def placed(self, part: str, offset: int) -> "Field":
        """The field in the file, of a part that begins at `offset`."""
        return Field(f"{part}.{self.name}", offset + self.offset, self.size)


# Offsets in the header; magic and reserved bytes are here as well.
HEADER = [
    Field("magic", 0, 8), Field("format-major", 8, 2), Field("format-minor", 10, 2), Field("header-bytes", 12, 4),
    Field("incompatible", 16, 8), Field("read-only-compatible", 24, 8), Field("compatible", 32, 8),
    Field("database-uuid", 40, 8), Field("segment-uuid", 56, 8), Field("file-bytes", 72, 8), Field("rows", 80, 8),
    Field("first-ordinal", 88, 8), Field("ordinal-span", 96, 8), Field("dimensions", 104, 4), Field("metric", 108, 1),
    Field("reserved", 109, 1), Field("sections", 112, 4), Field("reserved-end", 4088, 4),
]  # fmt: skip
# In a section's entry.
TABLE_ENTRY = [
    Field("kind", 0, 2), Field("codec", 2, 1), Field("element", 3, 1), Field("shift", 4, 1), Field("reserved", 5, 1),
    Field("offset", 8, 8), Field("stored", 16, 8), Field("logical", 24, 8), Field("stride", 32, 8),
    Field("crc", 40, 4), Field("first-checksum", 44, 4), Field("reserved-end", 56, 8),
]  # fmt: skip
# In the section `parameters`.
PARAMETERS = [
    Field("kind", 0, 4), Field("leaves", 4, 4), Field("projected", 8, 4), Field("per-block", 12, 4),
    Field("subspaces", 16, 4), Field("projection", 20, 4), Field("origin", 24, 4), Field("block-bytes", 28, 4),
    Field("biases", 32, 4), Field("ranks-projected", 36, 4), Field("slots", 40, 8), Field("blocks", 48, 8),
    Field("iterations", 64, 4), Field("coding-length", 68, 4), Field("reserved", 72, 8),
]  # fmt: skip
IN_HEADER, IN_ENTRY, IN_PARAMETERS = (
    {field.name: field for field in fields} for fields in (HEADER, TABLE_ENTRY, PARAMETERS)
)
# Not among the fields above, which are attacked: these are brought up to date instead.
TABLE_CRC = Field("table-crc", 116, 4)
HEADER_CRC = Field("header-crc", PAGE - 4, 4)
# Of the compatible features: no reader knows a bit of them, and none may mind.
IGNORED = Field("ignored", 36, 4)


@dataclass
class Entry:
    """A section: its entry's bytes, and its content."""

    raw: bytearray
    content: bytearray

    @classmethod
    def new(cls, kind: int, content: bytes, codec: int = 0, element: int = 0, shift: int = 0, stride: int = 0) -> "Entry":
        """A section whose place and checksums are not known yet."""
        entry = cls(bytearray(ENTRY), bytearray(content))
        entry.write(kind=kind, codec=codec, element=element, shift=shift, stride=stride)
        return entry

    def read(self, name: str) -> int:
        return IN_ENTRY[name].read(self.raw)

    def write(self, **values: int) -> None:
        for name, value in values.items():
            IN_ENTRY[name.replace("_", "-")].write(self.raw, value)

    @property
    def kind(self) -> int:
        return self.read("kind")

    @property
    def name(self) -> str:
        return NAMES.get(self.kind, f"kind {self.kind}")

    @property
    def shift(self) -> int:
        return self.read("shift")

    @property
    def offset(self) -> int:
        return self.read("offset")

    @property
    def extent(self) -> range:
        """Its bytes in the file."""
        return range(self.offset, self.offset + len(self.content))

    def copy(self) -> "Entry":
        return Entry(bytearray(self.raw), bytearray(self.content))


@dataclass(frozen=True)
class Checksum:
    """Where a checksum stands, and the bytes that it is of."""

    place: int
    covered: range
    # Of which section; empty for the table's.
    section: str = ""


class Image:
    """The bytes of a segment of a database."""

    def __init__(self, database: Path):
        self.data = bytearray(segment_of(database).read_bytes())

    @staticmethod
    def place(index: int) -> int:
        """Where the entry of a section stands."""
        return PAGE + ENTRY * index

    @property
    def count(self) -> int:
        return self.header("sections")

    def header(self, name: str) -> int:
        return IN_HEADER[name].read(self.data)

    def entries(self) -> list[Entry]:
        """The sections as the table has them; to be read before anything is changed."""
        found = []
        for index in range(self.count):
            entry = Entry(self.data[self.place(index):self.place(index + 1)], bytearray())
            entry.content = self.data[entry.offset:entry.offset + entry.read("stored")]
            found.append(entry)
        return found

    def section(self, name: str) -> Entry:
        return next(entry for entry in self.entries() if entry.name == name)

    def fields(self) -> list[Field]:
        """Every field of header, table and parameters, with its offset in the file."""
        table = [
            field.placed(entry.name, self.place(index))
            for index, entry in enumerate(self.entries()) for field in TABLE_ENTRY
        ]  # fmt: skip
        parameters = self.section("parameters").offset
        own = [field.placed("parameters", parameters) for field in PARAMETERS]
        return [field.placed("header", 0) for field in HEADER] + table + own

    def checksums(self) -> Iterator[Checksum]:
        """All but the header's, as far as the table can be followed: each before those of bytes that it lies among."""
        data, last, inside = self.data, None, []
        for index in range(min(self.count, MOST_SECTIONS)):
            entry = Entry(data[self.place(index):self.place(index + 1)], bytearray())
            covered = range(entry.offset, entry.offset + entry.read("stored"))
            if covered.stop > len(data):
                continue
            if entry.name != BLOCK_CHECKSUMS:
                inside.append((self.place(index), entry, covered))
            elif last is None:
                last = Checksum(self.place(index) + IN_ENTRY["crc"].offset, covered, entry.name)
        for place, entry, covered in inside:
            if not entry.shift:
                yield Checksum(place + IN_ENTRY["crc"].offset, covered, entry.name)
                continue
            block = 1 << entry.shift
            for number, start in enumerate(range(covered.start, covered.stop, block)):
                at = 4 * (entry.read("first-checksum") + number)
                if last is None or at + 4 > len(last.covered):
                    break
                yield Checksum(last.covered.start + at, range(start, min(start + block, covered.stop)), entry.name)
        if last:
            yield last
        yield self._table_checksum()

    def _table_checksum(self) -> Checksum:
        return Checksum(TABLE_CRC.offset, range(PAGE, self.place(min(self.count, MOST_SECTIONS))))

    def seal(self, names: "set[str] | None" = None) -> None:
        """Brings every checksum up to date, as far as the table can be followed.

        `names` says of which sections the content was changed; None: of any.
        """
        for each in self.checksums():
            if names is None or each.section in {*names, BLOCK_CHECKSUMS, ""}:
                self._compute(each)
        self.seal_header()

    def seal_header(self) -> None:
        """The checksums of table and header."""
        self._compute(self._table_checksum())
        HEADER_CRC.write(self.data, checksum.crc32c(self.data[:HEADER_CRC.offset]))

    def _compute(self, each: Checksum) -> None:
        found = checksum.crc32c(self.data[each.covered.start:each.covered.stop])
        struct.pack_into("<I", self.data, each.place, found)

    def rebuild(self, entries: list[Entry]) -> None:
        """Lays sections out anew, as a writer would; their contents may have any size."""
        end, first, checksums = 2 * PAGE, 0, bytearray()
        body = bytearray()
        for entry in entries:
            if entry.name == BLOCK_CHECKSUMS:
                entry.content = checksums
            alignment = BLOCK_ALIGNMENT if entry.shift else PAGE
            offset, size = -(-end // alignment) * alignment, len(entry.content)
            body += bytes(offset - end) + entry.content
            entry.write(offset=offset, stored=size, logical=size, first_checksum=first if entry.shift else 0)
            if entry.shift:
                step = 1 << entry.shift
                blocks = [entry.content[at:at + step] for at in range(0, size, step)]
                checksums += struct.pack(f"<{len(blocks)}I", *map(checksum.crc32c, blocks))
                first += len(blocks)
            else:
                entry.write(crc=checksum.crc32c(entry.content))
            end = offset + size
        table = b"".join(bytes(entry.raw) for entry in entries).ljust(PAGE, b"\0")
        self.data[PAGE:] = table + body + bytes(-end % PAGE)
        IN_HEADER["file-bytes"].write(self.data, len(self.data))
        IN_HEADER["sections"].write(self.data, len(entries))
        self.seal_header()

    def catalog_values(self) -> dict[str, int]:
        """What the row of a segment in the catalog repeats of its header."""
        return {
            "byte_count": self.header("file-bytes"), "row_count": self.header("rows"),
            "first_ordinal": self.header("first-ordinal"), "header_crc": HEADER_CRC.read(self.data),
        }  # fmt: skip

    def install(self, database: Path) -> None:
        """Makes it the segment of a database whose catalog describes it and agrees with it."""
        segment_of(database).write_bytes(self.data)
        values = self.catalog_values()
        with connected(database) as connection:
            if all(value < 1 << 63 for value in values.values()):
                update_sealed(connection, "segment", values)
            update_sealed(connection, "setting", {"value": str(self.header("dimensions"))}, "key = 'dimensions'")
            name = METRICS.get(self.header("metric"), "dot")
            update_sealed(connection, "setting", {"value": name}, "key = 'metric'")


def segment_of(database: Path) -> Path:
    """The only segment file of a database."""
    (segment,) = database.glob("segment-*.vseg")
    return segment
