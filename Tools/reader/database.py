"""The catalog, and the database that it belongs to (catalog.md)."""

import json
import pathlib
import sqlite3
import struct

from . import checksum
from .numerics import exact_score, f32, normalised, order_key
from .refusal import need
from .segment import Segment
from .tree import candidates


class Database:
    def __init__(self, path):
        directory = pathlib.Path(path)
        need((directory / "catalog.sqlite").is_file(), f"{path}: no such database", 3)
        self.sql = sqlite3.connect(f"file:{directory / 'catalog.sqlite'}?mode=ro", uri=True)
        need(self.sql.execute("PRAGMA application_id").fetchone()[0] == 0x76656364, "no vecdb catalog")
        need(self.sql.execute("PRAGMA user_version").fetchone()[0] == 1, "unsupported catalog version", 5)
        for table in ("setting", "generation", "segment"):
            for row in self.sql.execute(f"SELECT * FROM {table}"):
                self.check_row(table, row)
        self.settings = dict(self.sql.execute("SELECT key, value FROM setting"))
        self.generation = self.sql.execute("SELECT coalesce(max(number), 0) FROM generation").fetchone()[0]
        rows = self.sql.execute("SELECT key, uuid, file_name, byte_count, row_count, header_crc, first_ordinal, ids, "
                                "document_count FROM segment WHERE born <= ?1 AND (died IS NULL OR died > ?1)",
                                (self.generation,)).fetchall()
        need(len(rows) == 1, f"{len(rows)} live segments")
        self.key, uuid, name, size, count, header_crc, first, self.ids, self.documents = rows[0]
        s = self.segment = Segment(directory / name)
        need(s.uuid == uuid and s.database_uuid.hex() == self.settings["database_uuid"] and s.header_crc == header_crc
             and (len(s.data), s.rows, s.first_ordinal) == (size, count, first), f"{name} is not the catalog's file")
        need((s.metric, str(s.dimensions)) == (self.settings["metric"], self.settings["dimensions"]), "other metric")

    @staticmethod
    def check_row(table, row):
        """catalog.md, section 1: the last column is the CRC of the others, with a zero byte between them."""
        fields = [b"" if f is None else f if isinstance(f, bytes) else str(f).encode() for f in row[:-1]]
        need(checksum.crc32c(b"\0".join(fields)) == row[-1], f"a row of '{table}' does not match its checksum")

    def id(self, ordinal):
        if self.ids == "implicit":
            return str(ordinal)
        row = self.sql.execute(f"SELECT id FROM candidate_{self.key} WHERE ordinal = ?", (ordinal,)).fetchone()
        need(row is not None, f"candidate {ordinal} has no id")
        if self.segment.compatible & 1:
            at = 8 * (ordinal - self.segment.first_ordinal)
            start, end = struct.unpack_from("<QQ", self.segment.sections["id-offsets"], at)
            need(self.segment.sections["ids"][start:end].decode() == row[0], f"two ids for candidate {ordinal}")
        return row[0]

    def ordinals(self, id):
        if self.ids == "implicit":
            is_ordinal = id.isdecimal() and str(int(id)) == id and self.segment.row(int(id)) is not None
            return [int(id)] if is_ordinal else []
        return [o for o, in self.sql.execute(f"SELECT ordinal FROM candidate_{self.key} WHERE id = ?", (id,))]

    def query_vector(self, id):
        row = self.sql.execute(f"SELECT position, id, vector, crc FROM query_{self.key} WHERE id = ? "
                               "ORDER BY position LIMIT 1", (id,)).fetchone()
        need(row is not None, f"no stored query '{id}'", 3)
        self.check_row("query", row)
        return list(struct.unpack(f"<{self.segment.dimensions}f", row[2]))

    def metadata(self, ordinal):
        if self.documents is None:
            return None
        dictionary = self.sql.execute("SELECT * FROM metadata_dictionary WHERE segment = ?", (self.key,)).fetchone()
        self.check_row("metadata_dictionary", dictionary)
        row = self.sql.execute(f"SELECT document FROM metadata_{self.key} WHERE ordinal = ?", (ordinal,)).fetchone()
        if row is None:
            return None
        codec, size, crc = struct.unpack_from("<BII", row[0])
        need(codec in (0, 1) and size <= 1 << 24, "a document of an unknown form")
        text = row[0][9:] if codec == 0 else unpack(row[0][9:], dictionary[1], size)
        need(len(text) == size and checksum.crc32c(struct.pack("<Q", ordinal) + text) == crc, "a document is damaged")
        return json.loads(text)

    def search(self, query, k=10, leaves_to_search=None, reorder=None, exact=False, exclude=()):
        """Hits as (ordinal, score shown), best first."""
        s = self.segment
        need(len(query) == s.dimensions, "the query has other dimensions", 1)
        query = [f32(x) for x in query]
        query = normalised(query) if s.metric == "cosine" else query
        excluded = {s.row(ordinal) for id in exclude for ordinal in self.ordinals(id)}
        if exact or s.kind == 1:
            rows = [row for row in range(s.rows) if row not in excluded]
        else:
            leaves = leaves_to_search or int(self.settings.get("default_leaves_to_search", s.leaf_count))
            depth = s.rows if reorder is None and "default_reorder" not in self.settings else \
                int(self.settings["default_reorder"]) if reorder is None else reorder
            rows = candidates(s, query, excluded, k, leaves, depth)
        hits = [(s.ordinal(row), exact_score(s.metric, query, *s.vector(row))) for row in rows]
        hits.sort(key=lambda hit: (-order_key(hit[1]), hit[0]))
        return [(ordinal, 0.0 - score if s.metric == "l2" else score) for ordinal, score in hits[:k]]


def unpack(payload, dictionary, size):
    """An LZ4 block whose output continues the dictionary (catalog.md, section 6)."""
    out, i = bytearray(dictionary), 0

    def length(value):
        nonlocal i
        while value >= 15:
            byte = payload[i]
            i += 1
            value += byte
            if byte != 255:
                break
        return value

    while True:
        token = payload[i]
        i += 1
        count = length(token >> 4)
        need(i + count <= len(payload), "a document ends early")
        out += payload[i:i + count]
        i += count
        if i == len(payload):
            break
        offset = payload[i] | payload[i + 1] << 8
        i += 2
        count = length(token & 15) + 4
        need(1 <= offset <= len(out) and len(out) - len(dictionary) + count <= size, "a document is damaged")
        for _ in range(count):
            out.append(out[-offset])
    return bytes(out[len(dictionary):])
