"""A segment file in memory, to be changed anywhere and sealed again (Formats/segment.md)."""

import sqlite3
import struct
from dataclasses import dataclass
from pathlib import Path

from reader import checksum
from reader.segment import NAMES, PAGE

from .world import segment_of

ENTRY = 64
BLOCK_ALIGNMENT = 65_536


@dataclass(frozen=True)
class Field:
    """A number in the file: where, how many bytes."""

    name: str
    offset: int
    size: int


# Offsets in the header; magic, checksums and reserved bytes are here as well.
HEADER = [
    Field("magic", 0, 8), Field("format-major", 8, 2), Field("format-minor", 10, 2), Field("header-bytes", 12, 4),
    Field("incompatible", 16, 8), Field("read-only-compatible", 24, 8), Field("compatible", 32, 8),
    Field("database-uuid", 40, 8), Field("segment-uuid", 56, 8), Field("file-bytes", 72, 8), Field("rows", 80, 8),
    Field("first-ordinal", 88, 8), Field("ordinal-span", 96, 8), Field("dimensions", 104, 4), Field("metric", 108, 1),
    Field("reserved", 109, 1), Field("sections", 112, 4), Field("reserved-end", 4088, 4),
]  # fmt: skip
TABLE_ENTRY = [
    Field("kind", 0, 2), Field("codec", 2, 1), Field("element", 3, 1), Field("shift", 4, 1), Field("reserved", 5, 1),
    Field("offset", 8, 8), Field("stored", 16, 8), Field("logical", 24, 8), Field("stride", 32, 8),
    Field("crc", 40, 4), Field("first-checksum", 44, 4), Field("reserved-end", 56, 8),
]  # fmt: skip
PARAMETERS = [
    Field("kind", 0, 4), Field("leaves", 4, 4), Field("projected", 8, 4), Field("per-block", 12, 4),
    Field("subspaces", 16, 4), Field("projection", 20, 4), Field("origin", 24, 4), Field("block-bytes", 28, 4),
    Field("biases", 32, 4), Field("ranks-projected", 36, 4), Field("slots", 40, 8), Field("blocks", 48, 8),
    Field("iterations", 64, 4), Field("coding-length", 68, 4), Field("reserved", 72, 8),
]  # fmt: skip


@dataclass
class Entry:
    """A section: its entry's bytes, and its content."""

    raw: bytearray
    content: bytearray

    @property
    def kind(self) -> int:
        return struct.unpack_from("<H", self.raw, 0)[0]

    @property
    def name(self) -> str:
        return NAMES.get(self.kind, f"kind {self.kind}")

    @property
    def shift(self) -> int:
        return self.raw[4]

    @property
    def offset(self) -> int:
        return struct.unpack_from("<Q", self.raw, 8)[0]

    def copy(self) -> "Entry":
        return Entry(bytearray(self.raw), bytearray(self.content))


class Image:
    """The bytes of a segment of a database."""

    def __init__(self, database: Path):
        self.data = bytearray(segment_of(database).read_bytes())

    @property
    def count(self) -> int:
        return struct.unpack_from("<I", self.data, 112)[0]

    def entries(self) -> list[Entry]:
        """The sections as the table has them; to be read before anything is changed."""
        found = []
        for index in range(self.count):
            raw = self.data[PAGE + ENTRY * index:PAGE + ENTRY * (index + 1)]
            offset, size = struct.unpack_from("<QQ", raw, 8)
            found.append(Entry(raw, self.data[offset:offset + size]))
        return found

    def fields(self) -> list[Field]:
        """Every field of header, table and parameters, with its offset in the file."""
        entries = self.entries()
        table = [
            Field(f"{entry.name}.{field.name}", PAGE + ENTRY * index + field.offset, field.size)
            for index, entry in enumerate(entries) for field in TABLE_ENTRY
        ]  # fmt: skip
        parameters = next(entry for entry in entries if entry.kind == 1)
        own = [Field(f"parameters.{field.name}", parameters.offset + field.offset, field.size) for field in PARAMETERS]
        return [Field(f"header.{field.name}", field.offset, field.size) for field in HEADER] + table + own

    def read(self, field: Field) -> int:
        return int.from_bytes(self.data[field.offset:field.offset + field.size], "little")

    def write(self, field: Field, value: int) -> None:
        self.data[field.offset:field.offset + field.size] = value.to_bytes(field.size, "little")

    def seal(self, kinds: "set[int] | None" = None) -> None:
        """Brings every checksum up to date, as far as the table can be followed.

        `kinds` says of which sections the content was changed; None: of any.
        """
        data = self.data
        places = range(PAGE, PAGE + ENTRY * min(self.count, 64), ENTRY)
        inside = []
        for at in places:
            offset, size = struct.unpack_from("<QQ", data, at + 8)
            if offset + size <= len(data):
                inside.append((at, struct.unpack_from("<H", data, at)[0], data[at + 4], offset, size))
        last = next((entry for entry in inside if entry[1] == 18), None)
        for at, kind, shift, offset, size in inside:
            if kind == 18 or (kinds is not None and kind not in kinds):
                continue
            if not shift:
                struct.pack_into("<I", data, at + 40, checksum.crc32c(data[offset:offset + size]))
                continue
            first = struct.unpack_from("<I", data, at + 44)[0]
            for block in range(-(-size >> shift) if shift < 64 else 0):
                place = 4 * (first + block)
                if last is None or place + 4 > last[4]:
                    break
                begin = offset + (block << shift)
                part = data[begin:min(begin + (1 << shift), offset + size)]
                struct.pack_into("<I", data, last[3] + place, checksum.crc32c(part))
        if last:
            struct.pack_into("<I", data, last[0] + 40, checksum.crc32c(data[last[3]:last[3] + last[4]]))
        self.seal_header()

    def seal_header(self) -> None:
        """The checksums of table and header."""
        end = PAGE + ENTRY * min(self.count, 64)
        struct.pack_into("<I", self.data, 116, checksum.crc32c(self.data[PAGE:end]))
        struct.pack_into("<I", self.data, PAGE - 4, checksum.crc32c(self.data[:PAGE - 4]))

    def rebuild(self, entries: list[Entry]) -> None:
        """Lays sections out anew, as a writer would; their contents may have any size."""
        end, first, checksums = 2 * PAGE, 0, bytearray()
        body = bytearray()
        for entry in entries:
            if entry.kind == 18:
                entry.content = checksums
            alignment = BLOCK_ALIGNMENT if entry.shift else PAGE
            offset = -(-end // alignment) * alignment
            body += bytes(offset - end) + entry.content
            struct.pack_into("<QQQ", entry.raw, 8, offset, len(entry.content), len(entry.content))
            struct.pack_into("<I", entry.raw, 44, first if entry.shift else 0)
            if entry.shift:
                step = 1 << entry.shift
                blocks = [entry.content[at:at + step] for at in range(0, len(entry.content), step)]
                checksums += struct.pack(f"<{len(blocks)}I", *map(checksum.crc32c, blocks))
                first += len(blocks)
            else:
                struct.pack_into("<I", entry.raw, 40, checksum.crc32c(entry.content))
            end = offset + len(entry.content)
        table = b"".join(bytes(entry.raw) for entry in entries).ljust(PAGE, b"\0")
        self.data[PAGE:] = table + body + bytes(-end % PAGE)
        struct.pack_into("<Q", self.data, 72, len(self.data))
        struct.pack_into("<I", self.data, 112, len(entries))
        self.seal_header()

    def install(self, database: Path) -> None:
        """Makes it the segment of a database whose catalog describes it and agrees with it."""
        segment_of(database).write_bytes(self.data)
        size, rows, first = struct.unpack_from("<QQQ", self.data, 72)
        header_crc = struct.unpack_from("<I", self.data, PAGE - 4)[0]
        dimensions, metric = struct.unpack_from("<IB", self.data, 104)
        values = {"byte_count": size, "row_count": rows, "first_ordinal": first, "header_crc": header_crc}
        with connected(database) as connection:
            if all(value < 1 << 63 for value in values.values()):
                update_sealed(connection, "segment", values)
            update_sealed(connection, "setting", {"value": str(dimensions)}, "key = 'dimensions'")
            name = {1: "dot", 2: "cosine", 3: "l2"}.get(metric, "dot")
            update_sealed(connection, "setting", {"value": name}, "key = 'metric'")


class connected:
    """A connection to a catalog, committed and closed at the end; nothing is synced, as it is no database of anybody."""

    def __init__(self, database: Path):
        self.connection = sqlite3.connect(database / "catalog.sqlite", isolation_level=None)
        self.connection.execute("PRAGMA synchronous=OFF")
        self.connection.execute("PRAGMA journal_mode=MEMORY")

    def __enter__(self) -> sqlite3.Connection:
        return self.connection

    def __exit__(self, *_: object) -> None:
        self.connection.close()


def update_sealed(
    connection: sqlite3.Connection, table: str, values: dict[str, object], condition: str = "1"
) -> None:
    """Changes columns of rows and brings the table's checksums up to date (Formats/catalog.md, section 1)."""
    assignments = ", ".join(f"{name} = ?" for name in values)
    connection.execute(f"UPDATE {table} SET {assignments} WHERE {condition}", list(values.values()))
    cursor = connection.execute(f"SELECT * FROM {table}")
    key = " AND ".join(f"{column[0]} IS ?" for column in cursor.description[:2])
    for row in cursor.fetchall():
        connection.execute(f"UPDATE {table} SET crc = ? WHERE {key}", (row_crc(row[:-1]), *row[:2]))


def row_crc(values: "tuple[object, ...]") -> int:
    return checksum.crc32c(b"\0".join(_bytes(value) for value in values))


def _bytes(value: object) -> bytes:
    if value is None:
        return b""
    return value if isinstance(value, bytes) else str(value).encode()
