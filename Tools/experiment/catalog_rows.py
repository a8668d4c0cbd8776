"""Rows of a catalog, changed with their checksums (Formats/catalog.md, section 1)."""

import sqlite3
from pathlib import Path

from reader import checksum


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
    """Changes columns of rows and brings the table's checksums up to date."""
    assignments = ", ".join(f"{name} = ?" for name in values)
    connection.execute(f"UPDATE {table} SET {assignments} WHERE {condition}", list(values.values()))
    cursor = connection.execute(f"SELECT * FROM {table}")
    key = " AND ".join(f"{column[0]} IS ?" for column in cursor.description[:2])
    for row in cursor.fetchall():
        connection.execute(f"UPDATE {table} SET crc = ? WHERE {key}", (row_crc(row[:-1]), *row[:2]))


def resealed(
    connection: sqlite3.Connection, table: str, change: dict[str, object], condition: str = "1"
) -> str:
    """The statement that changes a row and its checksum."""
    cursor = connection.execute(f"SELECT * FROM {table} WHERE {condition}")
    row = dict(zip((column[0] for column in cursor.description), cursor.fetchone())) | change
    words = "".join(f"{name} = {literal(value)}, " for name, value in change.items())
    return f"UPDATE {table} SET {words}crc = {row_crc(tuple(row.values())[:-1])} WHERE {condition}"


def literal(value: object) -> str:
    """A value as SQL has it."""
    if isinstance(value, bytes):
        return f"x'{value.hex()}'"
    return str(value) if isinstance(value, int) else "'" + str(value).replace("'", "''") + "'"


def row_crc(values: "tuple[object, ...]") -> int:
    """The checksum of a row whose other columns have these values."""
    return checksum.crc32c(b"\0".join(_bytes(value) for value in values))


def _bytes(value: object) -> bytes:
    if value is None:
        return b""
    return value if isinstance(value, bytes) else str(value).encode()
