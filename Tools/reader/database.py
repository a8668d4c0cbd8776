"""The catalog, and the database that it belongs to (catalog.md)."""

import json
import pathlib
import sqlite3
import struct

from . import checksum
from .catalog import check_measured, check_row, check_schema, check_settings, check_tables
from .numerics import exact_score, f32, normalised, order_key
from .refusal import need
from .segment import Segment
from .tree import candidates


class Database:
    def __init__(self, path):
        self.path = directory = pathlib.Path(path)
        catalog = directory / "catalog.sqlite"
        need(catalog.is_file(), f"{path}: no such database", 3)
        header = catalog.read_bytes()[:100]
        need(max(header[18:20], default=0) <= 1 and not (directory / "catalog.sqlite-wal").exists(),
             "the catalog asks for a write-ahead log")
        self.sql = sqlite3.connect(f"file:{catalog}?mode=ro", uri=True)
        application = self.sql.execute("PRAGMA application_id").fetchone()[0]
        need(application == 0x76656364, f"no vecdb catalog: its application id is {application}")
        need(self.sql.execute("PRAGMA user_version").fetchone()[0] == 1, "unsupported catalog version", 5)
        tables = check_schema(self.sql)
        for table in ("setting", "generation", "segment"):
            for row in self.sql.execute(f"SELECT * FROM {table}"):
                check_row(table, row)
        self.settings = dict(self.sql.execute("SELECT key, value FROM setting"))
        check_settings(self.settings)
        self.generation = self.sql.execute("SELECT max(number) FROM generation").fetchone()[0]
        need(self.generation is not None, "the table 'generation' is empty")
        late = self.sql.execute("SELECT count(*) FROM segment WHERE max(born, coalesce(died, 0)) > ?", (self.generation,))
        need(late.fetchone()[0] == 0, "the table 'segment' has one of a later generation")
        rows = self.sql.execute("SELECT key, uuid, file_name, byte_count, row_count, header_crc, first_ordinal, ids, "
                                "document_count, query_count FROM segment WHERE born <= ?1 AND (died IS NULL OR died > ?1)",
                                (self.generation,)).fetchall()
        need(len(rows) == 1, f"{len(rows)} live segments")
        self.key, uuid, name, size, count, header_crc, first, self.ids, self.documents, queries = rows[0]
        need(len(uuid) == 16 and name == f"segment-{uuid.hex()}.vseg", f"the file name '{name}' is not that of the uuid")
        check_measured(self.settings, uuid.hex())
        need(self.ids in ("implicit", "stored"), f"the column 'ids' has the unknown '{self.ids}'", 5)
        check_tables(self.sql, tables, self.key, self.ids, self.documents, queries)
        s = self.segment = Segment(directory / name)
        need(s.database_uuid.hex() == self.settings["database_uuid"], f"{name} belongs to another database")
        need(s.uuid == uuid and s.header_crc == header_crc
             and (len(s.data), s.rows, s.first_ordinal) == (size, count, first), f"{name} is not the catalog's file")
        need((s.metric, str(s.dimensions)) == (self.settings["metric"], self.settings["dimensions"]),
             "segment and catalog differ about metric or dimensions")

    def id(self, ordinal):
        if self.ids == "implicit":
            return str(ordinal)
        row = self.sql.execute(f"SELECT id FROM candidate_{self.key} WHERE ordinal = ?", (ordinal,)).fetchone()
        need(row is not None, f"candidate {ordinal} has no id")
        if self.segment.compatible & 1:
            at = 8 * (ordinal - self.segment.first_ordinal)
            start, end = struct.unpack_from("<QQ", self.segment.sections["id-offsets"], at)
            need(start <= end <= len(self.segment.sections["ids"]), "'id-offsets' decreases or passes the end")
            need(self.segment.sections["ids"][start:end] == row[0].encode(),
                 f"'ids' has another one for candidate {ordinal} than the catalog")
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
        check_row("query", row)
        return list(struct.unpack(f"<{self.segment.dimensions}f", row[2]))

    def metadata(self, ordinal):
        document = self.document(ordinal)
        return None if document is None else json.loads(document)

    def document(self, ordinal):
        """The bytes of a document (catalog.md, section 6)."""
        if self.documents is None:
            return None
        dictionary = self.sql.execute("SELECT * FROM metadata_dictionary WHERE segment = ?", (self.key,)).fetchone()
        need(dictionary is not None, "the row of 'metadata_dictionary' is missing")
        check_row("metadata_dictionary", dictionary)
        row = self.sql.execute(f"SELECT document FROM metadata_{self.key} WHERE ordinal = ?", (ordinal,)).fetchone()
        if row is None:
            need(self.documents != self.segment.rows, f"the document of candidate {ordinal} is missing")
            return None
        codec, size, crc = struct.unpack_from("<BII", row[0])
        need(codec in (0, 1) and size <= 1 << 24, "a document of an unknown form")
        need(codec == 0 or 0 < len(row[0]) - 9 < size, "a document is larger packed than unpacked")
        text = row[0][9:] if codec == 0 else unpack(row[0][9:], dictionary[1], size)
        need(len(text) == size and checksum.crc32c(struct.pack("<Q", ordinal) + text) == crc, "a document is damaged")
        return text

    def knobs(self, k, live):
        """numerics.md, section 4, "Knobs": leaves and reorder of a search that names neither, two times "all" for exact
        scores of all `live` rows; None where the catalog has no settings for the segment."""
        s = self.segment
        lines = self.settings.get("search_settings", "").split("\n")
        if lines[0] != s.uuid.hex():
            return None, None
        stored = {int(f[0]): (int(f[1]), int(f[2])) for f in (line.split(" ") for line in lines[1:])}
        if "default_k" in self.settings:
            stored[int(self.settings["default_k"])] = tuple(
                int(self.settings[key]) for key in ("default_leaves_to_search", "default_reorder"))
        if not stored:
            return None, None
        wanted = min(s.rows, min(k, s.rows) * max(1, s.rows // max(1, live)))
        largest = max(stored)
        if wanted > largest:
            leaves, reorder = (-(-knob * wanted // largest) for knob in stored[largest])
        else:
            leaves, reorder = stored[min(other for other in stored if other >= wanted)]
        stride = s.elements["reorder-vectors"][1]
        columns = s.projected if s.ranks_projected else s.dimensions
        searched, scored = min(leaves, s.leaf_count), min(reorder, s.rows)
        cost = (s.leaf_count * columns // 2 + 320 * searched
                + s.slots * searched // max(1, s.leaf_count) * s.block_bytes // 32 + scored * (480 + stride))
        is_direct = live < s.rows and 16000 + live * (48 + stride + stride // 2) < cost
        is_exact = wanted > largest and 16000 + s.rows * (48 + stride) < cost
        if is_direct or is_exact or (searched, scored) == (s.leaf_count, s.rows):
            return "all", "all"
        return leaves, reorder

    def search(self, query, k=10, leaves_to_search=None, reorder=None, exact=False, exclude=(), trace=None):
        """Hits as (ordinal, score shown), best first. `trace` is given every intermediate result."""
        s, trace = self.segment, {} if trace is None else trace
        need(len(query) == s.dimensions, "the query has other dimensions", 1)
        query = [f32(x) for x in query]
        query = normalised(query) if s.metric == "cosine" else query
        excluded = {s.row(ordinal) for id in exclude for ordinal in self.ordinals(id)}
        if exact or s.kind == 1:
            rows = [row for row in range(s.rows) if row not in excluded]
        else:
            live = s.rows - len(excluded - {None})
            leaves, depth = self.knobs(k, live) if leaves_to_search is None and reorder is None else (None, None)
            if leaves is None:
                leaves = leaves_to_search or int(self.settings.get("default_leaves_to_search", s.leaf_count))
                depth = int(self.settings.get("default_reorder", s.rows)) if reorder is None else reorder
            is_exact = leaves == depth == "all"
            rows = [row for row in range(s.rows) if row not in excluded] if is_exact else \
                candidates(s, query, excluded, k, leaves, depth, trace)
        hits = [(s.ordinal(row), exact_score(s.metric, query, *s.vector(row))) for row in rows]
        trace.update(query=query, scores=sorted(hits))
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
