"""What a catalog may hold (catalog.md, sections 1 to 4)."""

import re

from . import checksum
from .refusal import need

SETTING = "CREATE TABLE setting(key TEXT PRIMARY KEY NOT NULL, value TEXT NOT NULL, crc INTEGER NOT NULL) STRICT, WITHOUT ROWID"
GENERATION = "CREATE TABLE generation(number INTEGER PRIMARY KEY NOT NULL, created_at TEXT NOT NULL, crc INTEGER NOT NULL) STRICT"
SEGMENT = ("CREATE TABLE segment(key INTEGER PRIMARY KEY NOT NULL, uuid BLOB NOT NULL, file_name TEXT NOT NULL, byte_count "
           "INTEGER NOT NULL, row_count INTEGER NOT NULL, header_crc INTEGER NOT NULL, first_ordinal INTEGER NOT NULL, ids TEXT "
           "NOT NULL, document_count INTEGER, query_count INTEGER NOT NULL, born INTEGER NOT NULL, died INTEGER, crc INTEGER "
           "NOT NULL) STRICT")
STAGING = ("CREATE TABLE staging(key INTEGER PRIMARY KEY NOT NULL, uuid BLOB NOT NULL, file_name TEXT NOT NULL, started_at TEXT "
           "NOT NULL) STRICT")
COLUMN = ("CREATE TABLE metadata_column(segment INTEGER NOT NULL, position INTEGER NOT NULL, name TEXT NOT NULL, sql_name TEXT "
          "NOT NULL, type TEXT NOT NULL, crc INTEGER NOT NULL, PRIMARY KEY(segment, position)) STRICT, WITHOUT ROWID")
DICTIONARY = "CREATE TABLE metadata_dictionary(segment INTEGER PRIMARY KEY NOT NULL, bytes BLOB NOT NULL, crc INTEGER NOT NULL) STRICT"
FIXED = {"setting": SETTING, "generation": GENERATION, "segment": SEGMENT, "staging": STAGING, "metadata_column": COLUMN,
         "metadata_dictionary": DICTIONARY}
OF_SEGMENT = {
    "candidate_{}": "CREATE TABLE candidate_{}(ordinal INTEGER PRIMARY KEY NOT NULL, id TEXT NOT NULL) STRICT",
    "candidate_{}_id": "CREATE INDEX candidate_{0}_id ON candidate_{0}(id)",
    "metadata_{}": None,
    "query_{}": "CREATE TABLE query_{}(position INTEGER PRIMARY KEY NOT NULL, id TEXT NOT NULL, vector BLOB NOT NULL, crc INTEGER "
                "NOT NULL) STRICT",
    "query_{}_id": "CREATE INDEX query_{0}_id ON query_{0}(id)",
}
SQL_TYPES = {"integer": "INTEGER", "real": "REAL", "text": "TEXT", "bool": "INTEGER"}
# Section 2: what is a decimal, and a decimal number.
DECIMAL = re.compile(r"0|[1-9][0-9]*", re.ASCII)
NUMBER = re.compile(r"(0|[1-9][0-9]*)(\.[0-9]+)?(e[+-]?[0-9]+)?", re.ASCII)


def check_row(table, row):
    """Section 1: the last column is the CRC of the others, with a zero byte between them."""
    fields = [b"" if f is None else f if isinstance(f, bytes) else str(f).encode() for f in row[:-1]]
    need(checksum.crc32c(b"\0".join(fields)) == row[-1], f"a row of '{table}' does not match its checksum")


def check_schema(sql):
    """Returns the statements by name."""
    found = {}
    for kind, name, statement in sql.execute("SELECT type, name, sql FROM sqlite_schema"):
        if kind == "table" and name in ("sqlite_stat1", "sqlite_stat4"):
            continue
        need(kind in ("table", "index"), f"the {kind} '{name}' is in no catalog")
        key = key_of(name)
        expected = FIXED.get(name) or key and OF_SEGMENT[name.replace(f"_{key}", "_{}")]
        need(name in FIXED or key, f"the {kind} '{name}' is in no catalog")
        if expected:
            need(statement == expected.format(key), f"'{name}' is defined in another way")
        found[name] = statement
    for name in FIXED:
        need(name in found, f"the table '{name}' is missing")
    keys = {key for table in ("segment", "staging") for key, in sql.execute(f"SELECT key FROM {table}")}
    for name in found:
        need(name in FIXED or int(key_of(name)) in keys, f"'{name}' is there, and no row with its key")
    return found


def key_of(name):
    """The key in the name of a table or index that belongs to one segment."""
    match = re.fullmatch(r"(?:candidate|query|metadata)_([1-9][0-9]*)(?:_id)?", name, re.ASCII)
    key = match and match.group(1)
    return key if key and name.replace(f"_{key}", "_{}") in OF_SEGMENT else None


def check_tables(sql, found, key, ids, documents, queries):
    """Section 1: a live segment has the tables that its row announces, and no others."""
    expected = ["candidate_{}", "candidate_{}_id"] * (ids == "stored") + ["query_{}", "query_{}_id"] * (queries > 0)
    expected += ["metadata_{}"] * (documents is not None)
    for form in OF_SEGMENT:
        name = form.format(key)
        need((form in expected) == (name in found), f"'{name}' is missing, or there although the segment's row denies it")
    if documents is None:
        return
    columns = ""
    rows = sql.execute("SELECT * FROM metadata_column WHERE segment = ? ORDER BY position", (key,))
    for place, row in enumerate(rows):
        check_row("metadata_column", row)
        _, position, _, name, kind, _ = row
        need(position == place < 1000, "'metadata_column' has positions with holes")
        need(kind in SQL_TYPES, f"'metadata_column' has the unknown type '{kind}'", 5)
        columns += ', "' + name.replace('"', '""') + '" ' + SQL_TYPES[kind]
    need(found[f"metadata_{key}"] == f"CREATE TABLE metadata_{key}(ordinal INTEGER PRIMARY KEY NOT NULL, document BLOB NOT NULL"
         f"{columns}) STRICT", f"'metadata_{key}' is not what 'metadata_column' says")


def check_settings(settings):
    """Section 2."""
    def decimal(key, low=0, high=2 ** 63 - 1):
        value = settings.get(key)
        need(value is not None, f"the setting '{key}' is missing")
        need(DECIMAL.fullmatch(value) and low <= int(value) <= high, f"the setting '{key}' is no decimal in its range")

    def number(key, high):
        value = settings.get(key, "")
        need(NUMBER.fullmatch(value) and float(value) <= high, f"the setting '{key}' is no number in its range")

    need(len(settings) <= 1024 and all(len(text.encode()) <= 65536 for row in settings.items() for text in row),
         "the table 'setting' has too many rows, or one that is too long")
    uuid = settings.get("database_uuid", "")
    need(re.fullmatch("[0-9a-f]{32}", uuid), "the setting 'database_uuid' is no 32 digits")
    decimal("next_segment_key", 1, 2 ** 63 - 2)
    decimal("dimensions", 1, 65535)
    decimal("next_ordinal")
    need("metric" in settings, "the setting 'metric' is missing")
    need(settings["metric"] in ("dot", "cosine", "l2"), f"the setting 'metric' is the unknown '{settings['metric']}'", 5)
    defaults = ("default_leaves_to_search", "default_reorder", "default_k", "default_recall", "default_mean_us",
                "default_sample_queries", "default_sample_source")
    if any(key in settings for key in defaults):
        decimal("default_leaves_to_search")
        decimal("default_reorder")
        decimal("default_k", 1)
        decimal("default_sample_queries")
        number("default_recall", 1)
        if "default_mean_us" in settings:
            number("default_mean_us", 1.7976931348623157e308)
        source = settings.get("default_sample_source")
        need(source is not None, "the setting 'default_sample_source' is missing")
        need(source in ("queries", "given", "candidates"), f"the setting 'default_sample_source' is the unknown '{source}'", 5)


def check_measured(settings, uuid):
    """Section 2, `search_settings`: nothing is asked of a text that names another segment."""
    lines = settings.get("search_settings", "").split("\n")
    if lines[0] != uuid:
        return
    need(len(lines) <= 65, "the setting 'search_settings' has too many lines")
    last, sources = 0, []
    for line in lines[1:]:
        fields = line.split(" ")
        need(len(fields) == 7, "a line of the setting 'search_settings' has not seven fields")
        k, leaves, reorder, recall, queries, source, mean = fields
        for text, low in ((k, last + 1), (leaves, 0), (reorder, 0), (queries, 0)):
            need(DECIMAL.fullmatch(text) and low <= int(text) <= 2 ** 63 - 1,
                 "the setting 'search_settings' has a number that is no decimal in its range")
        need(NUMBER.fullmatch(recall) and float(recall) <= 1, "the setting 'search_settings' has a recall above 1")
        need(mean == "-" or NUMBER.fullmatch(mean) and float(mean) <= 1.7976931348623157e308,
             "the setting 'search_settings' has a time that is no number")
        last = int(k)
        sources.append(source)
    for source in sources:
        need(source in ("queries", "given", "candidates"), f"the setting 'search_settings' has the unknown source '{source}'", 5)
