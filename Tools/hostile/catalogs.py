"""Catalogs made by hand: SQLite databases that are none of ours, or nearly."""

import argparse
import sqlite3
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from experiment.catalog_rows import connected, update_sealed
from experiment.report import Section, sections_of
from experiment.segment_image import IN_HEADER, segment_of

from .crafted import Case, Group, is_refused, run_groups
from .probe import Reply
from .settings import search_settings, settings_of_others
from .world import World

TABLES = (
    "setting", "generation", "segment", "staging", "metadata_column", "metadata_dictionary", "candidate_1", "metadata_1",
    "query_1",
)  # fmt: skip
SEGMENT_NUMBERS = (
    "byte_count", "row_count", "header_crc", "first_ordinal", "document_count", "query_count", "born", "died",
)  # fmt: skip
PAGE_SIZES = (512, 1024, 2048, 8192, 16_384, 32_768, 65_536)
NUMBERS = (-1, 0, 1, 2**31 - 1, 2**31, 2**32 - 1, 2**32, 2**62, 2**63 - 1, -(2**63))
# Longer than anything that a catalog holds; the slow checksum here is what limits it.
LONG = 1 << 20
HUGE = 64 << 20
QUICK = 70


def run_catalogs(world: World, arguments: argparse.Namespace) -> list[Section]:
    groups = {
        "schema": (_schema, is_refused),
        "values": (_values, _is_refused_or_as_before),
        "defaults": (_defaults, lambda _, reply: None),
        "search-settings": (search_settings, is_refused),
        "settings-of-others": (settings_of_others, lambda _, reply: None if reply.verdict == "intact" else "refused"),
        "header": (_header, is_refused),
        "header-numbers": (_header_numbers, _is_refused_or_as_before),
        "layout": (_layout, _is_as_before),
    }
    named = {
        name: Group("tree-dot", lambda _, cases=cases: cases(), judge, QUICK) for name, (cases, judge) in groups.items()
    }
    sections = run_groups("catalogs", named, world, arguments)
    return sections + sections_of("catalogs", {"exit-codes": _exit_codes}, world, arguments)


def _is_refused_or_as_before(_: Path, reply: Reply) -> "str | None":
    return None if reply.is_as_before else "other answers, silently"


def _is_as_before(_: Path, reply: Reply) -> "str | None":
    return None if reply.verdict == "intact" and reply.answers == "same" else "a catalog that is in order is refused"


def sql(*statements: str) -> Callable[[Path], None]:
    def apply(database: Path) -> None:
        with connected(database) as connection:
            for statement in statements:
                connection.execute(statement)

    return apply


def _smuggled(kind: str, name: str, table: str, sql: str) -> Callable[[Path], None]:
    """An object whose name SQLite would not let anybody create."""

    def apply(database: Path) -> None:
        with connected(database) as connection:
            connection.execute("PRAGMA writable_schema=ON")
            root = 0
            if kind in ("table", "index"):
                root = connection.execute("SELECT max(rootpage) FROM sqlite_schema").fetchone()[0]
            connection.execute("INSERT INTO sqlite_schema VALUES (?, ?, ?, ?, ?)", (kind, name, table, root, sql))

    return apply


def _rewritten(table: str, old: str, new: str) -> Callable[[Path], None]:
    """Another statement for a table that is there."""

    def apply(database: Path) -> None:
        with connected(database) as connection:
            connection.execute("PRAGMA writable_schema=ON")
            connection.execute("UPDATE sqlite_schema SET sql = replace(sql, ?, ?) WHERE name = ?", (old, new, table))
            assert connection.execute("SELECT changes()").fetchone()[0] == 1

    return apply


def _schema() -> Iterator[Case]:
    """Everything in a schema that is not ours."""
    evil = "BEGIN DELETE FROM setting; END"
    yield Case("a trigger", sql(f"CREATE TRIGGER more AFTER INSERT ON segment {evil}"))
    view = "CREATE VIEW v AS SELECT 1 AS a"
    yield Case("a trigger on a view", sql(view, f"CREATE TRIGGER t INSTEAD OF INSERT ON v {evil}"))
    yield Case("a view", sql("CREATE VIEW more AS SELECT * FROM setting"))
    replaced = sql("ALTER TABLE setting RENAME TO s", "CREATE VIEW setting AS SELECT * FROM s")
    yield Case("a view in place of a table", replaced)
    yield Case("a table", sql("CREATE TABLE more(a)"))
    yield Case("a table of an unknown segment's name", sql("CREATE TABLE candidate_99(a)"))
    yield Case("an index", sql("CREATE INDEX more ON segment(uuid)"))
    yield Case("an index over an expression", sql("CREATE INDEX more ON candidate_1(abs(ordinal))"))
    yield Case("a virtual table", sql("CREATE VIRTUAL TABLE more USING fts5(a)"))
    unknown = "CREATE VIRTUAL TABLE more USING none(a)"
    yield Case("a virtual table of an unknown module", _smuggled("table", "more", "more", unknown))
    yield Case("a generated column", sql("ALTER TABLE setting ADD COLUMN more TEXT AS (hex(value)) VIRTUAL"))
    yield Case("a column with a default", sql("ALTER TABLE setting ADD COLUMN more TEXT DEFAULT 'x'"))
    checked, generated = "CHECK(load_extension('evil.so') IS NULL)", "GENERATED ALWAYS AS (1) STORED"
    crc = "crc INTEGER NOT NULL"
    yield Case("a CHECK that calls a function", _rewritten("setting", crc, f"{crc} {checked}"))
    yield Case("a stored generated column", _rewritten("segment", crc, f"{crc} {generated}"))
    text = "id TEXT NOT NULL"
    yield Case("a collation that nobody has", _rewritten("candidate_1", text, f"{text} COLLATE evil"))
    yield Case("a table that is not strict", _rewritten("setting", ") STRICT, WITHOUT", ") WITHOUT"))
    yield Case("a statement with a comment", _rewritten("setting", "CREATE TABLE", "CREATE /* */ TABLE"))
    yield Case("no SQL at all", _rewritten("setting", "CREATE TABLE setting", "evil"))
    for name in ("sqlite_more", "sqlite_stat1", "sqlite_autoindex_setting_1"):
        trigger = f"CREATE TRIGGER {name} AFTER INSERT ON segment {evil}"
        yield Case(f"a trigger named {name}", _smuggled("trigger", name, "segment", trigger))
        yield Case(f"a view named {name}", _smuggled("view", name, name, f"CREATE VIEW {name} AS SELECT 1"))
    index = "CREATE INDEX sqlite_more ON candidate_1(id)"
    yield Case("an index named sqlite_more", _smuggled("index", "sqlite_more", "candidate_1", index))
    table = "CREATE TABLE sqlite_more(a)"
    yield Case("a table named sqlite_more", _smuggled("table", "sqlite_more", "sqlite_more", table))
    for table in TABLES:
        yield Case(f"no table {table}", sql(f"DROP TABLE {table}"))
        yield Case(f"another column in {table}", sql(f"ALTER TABLE {table} ADD COLUMN more TEXT"))
    for index in ("candidate_1_id", "query_1_id"):
        yield Case(f"no index {index}", sql(f"DROP INDEX {index}"))
    for key in ("database_uuid", "next_segment_key", "metric", "dimensions", "next_ordinal"):
        yield Case(f"no setting {key}", sql(f"DELETE FROM setting WHERE key = '{key}'"))
    yield Case("no generation", sql("DELETE FROM generation"))
    yield Case("no segment", sql("DELETE FROM segment"))
    yield Case("no dictionary", sql("DELETE FROM metadata_dictionary"))
    yield Case("two segments", _two_segments)


def _rooted(table: str) -> Callable[[Path], None]:
    """A table whose pages are those of another."""

    def apply(database: Path) -> None:
        with connected(database) as connection:
            connection.execute("PRAGMA writable_schema=ON")
            connection.execute(
                "UPDATE sqlite_schema SET rootpage = (SELECT rootpage FROM sqlite_schema WHERE name = ?) "
                "WHERE name = ?",
                ("generation" if table != "generation" else "segment", table),
            )

    return apply


def _two_segments(database: Path) -> None:
    with connected(database) as connection:
        connection.execute(
            "INSERT INTO segment SELECT 2, uuid, file_name, byte_count, row_count, header_crc, first_ordinal, "
            "'implicit', NULL, 0, born, died, 0 FROM segment"
        )
        update_sealed(connection, "segment", {"key": 2}, "key = 2")


def _values() -> Iterator[Case]:
    """Values of the right and of wrong types, checksums up to date: refused, or answered as before."""
    for table in TABLES:
        yield Case(f"{table} under another root", _rooted(table))
    for column in SEGMENT_NUMBERS:
        for value in NUMBERS:
            yield Case(f"segment.{column} = {value}", _sealed("segment", {column: value}))
    for column, values in {
        "uuid": (b"", b"x", bytes(16), bytes(17), bytes(LONG)),
        "file_name": ("", "..", "../x", "/etc/passwd", "segment-.vseg", "x" * 300),
        "ids": ("", "implicit", "STORED", "x" * 1000),
    }.items():
        for value in values:
            yield Case(f"segment.{column} = {value[:20]!r}", _sealed("segment", {column: value}))
    for key, values in {
        "dimensions": ("0", "-1", "65536", "15", "17", "1e9", "", "16 ", "016", "+16", "99999999999999999999", "x" * LONG),
        "metric": ("", "l2", "cosine", "DOT", "dot "),
        "next_ordinal": ("-1", "0", str(2**63), str(2**64)),
        "next_segment_key": ("0", "-1", str(2**63 - 1), "x"),
        "database_uuid": ("", "0" * 32, "G" * 32, "0" * 33),
    }.items():
        for value in values:
            yield Case(f"setting {key} = {value[:24]}", _sealed("setting", {"value": value}, f"key = '{key}'"))
    for column, values in {"number": (-1, 5, 2**63 - 1), "created_at": ("", "x" * LONG)}.items():
        for value in values:
            yield Case(f"generation.{column} = {str(value)[:20]}", _sealed("generation", {column: value}, "number > 0"))
    for column, values in {
        "position": (-1, 7, 2**63 - 1), "name": ("", "x" * LONG), "sql_name": ('"', 'a"); DROP TABLE setting; --'),
        "type": ("", "blob", "INTEGER"), "segment": (-1, 0, 2),
    }.items():  # fmt: skip
        for value in values:
            change = _sealed("metadata_column", {column: value}, "position = 0")
            yield Case(f"metadata_column.{column} = {str(value)[:30]}", change)
    for value in (b"", bytes(65_536), bytes(65_537), bytes(LONG)):
        yield Case(f"a dictionary of {len(value)} bytes", _sealed("metadata_dictionary", {"bytes": value}))
    for column in ("id", "vector"):
        for value in ("", b"", b"x", bytes(HUGE), "x" * HUGE, None):
            yield Case(f"query_1.{column} = {_shown(value)}", _plain("query_1", column, value))
    for value in ("", b"x", "\0", "x" * (1 << 20), "x" * ((1 << 20) + 1), "x" * HUGE):
        yield Case(f"candidate_1.id = {_shown(value)}", _plain("candidate_1", "id", value))
    for codec in (0, 1, 2, 255):
        for size in (0, 1, 100, 2**24, 2**24 + 1, 2**31, 2**32 - 1):
            blob = struct.pack("<BII", codec, size, 0) + b"\x1f" * 20
            yield Case(f"a document of codec {codec}, {size} bytes", _plain("metadata_1", "document", blob))
    for blob in (b"", b"\0", bytes(HUGE), b"\1" + bytes(HUGE)):
        yield Case(f"a document of {len(blob)} bytes", _plain("metadata_1", "document", blob))
    yield Case("ordinals of ids doubled by offset", sql("UPDATE candidate_1 SET ordinal = ordinal + 1000000"))
    yield Case("negative ordinals", sql("UPDATE candidate_1 SET ordinal = -1 - ordinal"))
    yield Case("a staged segment", sql("INSERT INTO staging VALUES (9, zeroblob(16), 'x', '')"))


def _defaults() -> Iterator[Case]:
    """Search parameters: they may be anything that is possible, and whoever may write them may change answers."""
    for key, values in {
        "default_leaves_to_search": ("-1", "0", str(2**63 - 1), str(2**63)),
        "default_reorder": ("-1", "0", str(2**63 - 1), "x"),
        "default_k": ("0", "-1", str(2**63 - 1)),
        "default_recall": ("nan", "inf", "-1", "2", "1e400"),
        "default_mean_us": ("nan", "inf", "-1"),
        "default_sample_queries": ("-1", str(2**63)),
        "default_sample_source": ("", "x"),
    }.items():
        for value in values:
            yield Case(f"setting {key} = {value}", _sealed("setting", {"value": value}, f"key = '{key}'"))


def _shown(value: object) -> str:
    return f"{type(value).__name__} of {len(value)}" if isinstance(value, (str, bytes)) else "NULL"


def _sealed(table: str, values: dict[str, object], condition: str = "1") -> Callable[[Path], None]:
    def apply(database: Path) -> None:
        with connected(database) as connection, loosened(connection, table):
            update_sealed(connection, table, values, condition)

    return apply


def _plain(table: str, column: str, value: object) -> Callable[[Path], None]:
    """One row's value, checked by nothing but its type."""

    def apply(database: Path) -> None:
        with connected(database) as connection, loosened(connection, table):
            connection.execute(f"UPDATE {table} SET {column} = ? WHERE rowid = 0", (value,))

    return apply


@contextmanager
def loosened(connection: sqlite3.Connection, table: str) -> Iterator[None]:
    """Lets a table take values of any type for a while; afterwards the file has the schema that it had."""
    (statement,) = connection.execute("SELECT sql FROM sqlite_schema WHERE name = ?", (table,)).fetchone()

    def define(sql: str) -> None:
        connection.execute("PRAGMA writable_schema=ON")
        connection.execute("UPDATE sqlite_schema SET sql = ? WHERE name = ?", (sql, table))
        connection.execute("PRAGMA writable_schema=RESET")

    key = "WITHOUT ROWID" if statement.endswith("WITHOUT ROWID") else ""
    define(statement.replace(" STRICT, WITHOUT ROWID", "").replace(" STRICT", "").replace(" NOT NULL", "") + key)
    yield
    define(statement)


# The file's own header: SQLite's documentation, "The Database Header".

REFUSED_HEADERS = {
    "another magic": (0, b"SQLite format 2\0"),
    "WAL, to be written": (18, b"\x02"),
    "WAL, to be read": (19, b"\x02"),
    "WAL": (18, b"\x02\x02"),
    "an unknown write version": (18, b"\x03"),
    "an unknown read version": (19, b"\x03"),
    "UTF-16": (56, b"\0\0\0\x02"),
    "user_version 0": (60, bytes(4)),
    "user_version 2": (60, b"\0\0\0\x02"),
    "user_version -1": (60, b"\xff" * 4),
    "application_id 0": (68, bytes(4)),
    "application_id of another program": (68, b"\x47\x50\x4b\x47"),
}
OTHER_HEADERS = {
    "page size": (16, 2, (0, 1, 2, 256, 511, 512, 1000, 1024, 2048, 8192, 32_768, 32_769, 65_535)),
    "reserved bytes": (20, 1, (1, 16, 32, 200, 255)),
    "largest payload": (21, 1, (0, 255)),
    "smallest payload": (22, 1, (0, 255)),
    "leaf payload": (23, 1, (0, 255)),
    "pages": (28, 4, (0, 1, 2, 2**16, 2**31 - 1, 2**31, 2**32 - 1)),
    "first free page": (32, 4, (0, 1, 2, 5, 2**31, 2**32 - 1)),
    "free pages": (36, 4, (1, 100, 2**31, 2**32 - 1)),
    "schema format": (44, 4, (0, 1, 5, 2**32 - 1)),
    "cache size": (48, 4, (1, 2**31 - 1, 2**31, 2**32 - 1)),
    "largest root page": (52, 4, (1, 2, 3, 2**32 - 1)),
    "text encoding": (56, 4, (0, 1, 3, 4, 2**32 - 1)),
    "incremental vacuum": (64, 4, (1, 2**32 - 1)),
    "version valid for": (92, 4, (0, 2**32 - 1)),
    "SQLite's version": (96, 4, (0, 2**32 - 1)),
}


def _header() -> Iterator[Case]:
    for name, (offset, data) in REFUSED_HEADERS.items():
        yield Case(name, _patched(offset, data))
    yield Case("WAL by SQLite itself", sql("PRAGMA journal_mode=WAL"))
    yield Case("WAL with a log", _with_log)
    for size in (0, 1, 15, 16, 99, 100, 511, 512, 1000):
        yield Case(f"{size} bytes", lambda database, size=size: _cut(database, size))


def _header_numbers() -> Iterator[Case]:
    for name, (offset, size, values) in OTHER_HEADERS.items():
        for value in values:
            yield Case(f"{name} {value}", _patched(offset, value.to_bytes(size, "big")))


def _patched(offset: int, data: bytes) -> Callable[[Path], None]:
    def apply(database: Path) -> None:
        with (database / "catalog.sqlite").open("r+b") as file:
            file.seek(offset)
            file.write(data)

    return apply


def _cut(database: Path, size: int) -> None:
    with (database / "catalog.sqlite").open("r+b") as file:
        file.truncate(size)


def _with_log(database: Path) -> None:
    """A write-ahead log that holds other settings, as a copy of an open database would have it."""
    catalog = database / "catalog.sqlite"
    connection = sqlite3.connect(catalog, isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("UPDATE setting SET value = 'l2' WHERE key = 'metric'")
    kept = {name: Path(f"{catalog}{name}").read_bytes() for name in ("", "-wal")}
    connection.close()
    for name, data in kept.items():
        Path(f"{catalog}{name}").write_bytes(data)


def _layout() -> Iterator[Case]:
    """What SQLite may do to a file without changing what is in it."""
    for size in PAGE_SIZES:
        yield Case(f"pages of {size} bytes", sql(f"PRAGMA page_size={size}", "VACUUM"))
    for mode in ("FULL", "INCREMENTAL"):
        yield Case(f"auto_vacuum {mode}", sql(f"PRAGMA auto_vacuum={mode}", "VACUUM"))
    fill = "INSERT INTO more VALUES (zeroblob(100000))"
    yield Case("free pages", sql("CREATE TABLE more(a)", fill, "DROP TABLE more"))
    yield Case("statistics", sql("ANALYZE"))
    yield Case("a setting that nobody knows", _unknown_setting)


def _unknown_setting(database: Path) -> None:
    with connected(database) as connection:
        connection.execute("INSERT INTO setting VALUES ('later', 'x', 0)")
        update_sealed(connection, "setting", {"value": "x"}, "key = 'later'")


def _exit_codes(world: World, section: Section) -> None:
    """What the command says and ends with."""
    expected = {
        "a trigger": (sql("CREATE TRIGGER t AFTER INSERT ON segment BEGIN DELETE FROM setting; END"), 4, "trigger"),
        "a view": (sql("CREATE VIEW v AS SELECT 1"), 4, "view"),
        "a wrong checksum": (sql("UPDATE setting SET crc = 0"), 4, "stored CRC-32C"),
        "another application": (_patched(68, bytes(4)), 4, "another program"),
        "another version": (_patched(60, b"\0\0\0\x02"), 5, "catalog version 2"),
        "another magic": (_patched(0, b"x"), 4, "no SQLite database"),
        "an empty catalog": (lambda database: _cut(database, 0), 4, "another program"),
        "WAL": (_patched(18, b"\x02\x02"), 4, "write-ahead log"),
        "another segment version": (_segment_version, 5, "format version 2"),
        "no segment": (lambda database: segment_of(database).unlink(), 4, ".vseg"),
    }
    commands = {
        "query": lambda database: ["query", str(database), "--query-id", "0"],
        "verify": lambda database: ["verify", str(database), "--progress", "never"],
        "build": lambda database: world.build_words(database, "tree-dot"),
    }
    for name, (apply, status, words) in expected.items():
        for command, words_of in commands.items():
            if command == "build" and "segment" in name:
                continue  # a build replaces the segment and does not look into it
            copy = world.copy(world.database("tree-dot"))
            apply(copy)
            outcome = world.run(words_of(copy))
            section.count("points")
            text = outcome.stderr + outcome.stdout
            if outcome.returncode != status or words not in text:
                why = f"ended with {outcome.returncode}, expected {status} and '{words}': {text.strip()}"
                section.fail(f"{name}, {command}", why)
            world.discard(copy)


def _segment_version(database: Path) -> None:
    with segment_of(database).open("r+b") as file:
        file.seek(IN_HEADER["format-major"].offset)
        file.write(b"\x02")
