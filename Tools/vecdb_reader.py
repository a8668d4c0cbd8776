#!/usr/bin/env python3
"""A second reader of vecdb databases, written from Formats/ alone (Python 3.9, standard library).

    vecdb_reader.py query DB --vector '[1, 2]' [-k 10] [--leaves-to-search L] [--reorder R] [--exact] [--exclude ID]
    vecdb_reader.py metadata DB ID
    vecdb_reader.py check DIR      # every golden database below DIR: verify, and compare its expected answers

It is slow and plain on purpose: the formulas stand here as Formats/numerics.md gives them. The section of the documents is
named where each rule is used. Exit codes: 0 fine, 1 an answer differs, 3 not found, 4 damaged, 5 unsupported version.
"""
import argparse
import json
import math
import pathlib
import sqlite3
import struct
import sys

PAGE = 4096
MAGIC = b"\x89VSEG\r\n\x1a"
NAMES = {1: "parameters", 2: "leaves", 3: "routing-centroids", 4: "origin", 5: "centroids", 6: "projection",
         7: "codebooks", 8: "codes", 9: "reorder-vectors", 10: "ordinals", 11: "rows-by-ordinal", 12: "norms",
         13: "id-offsets", 14: "ids", 15: "slot-rows", 16: "int8-vectors", 17: "block-radii", 18: "block-checksums",
         19: "anisotropy"}


class Refused(Exception):
    def __init__(self, message, code=4):
        super().__init__(message)
        self.code = code


def need(condition, message, code=4):
    if not condition:
        raise Refused(message, code)


# ---- numerics: f32 arithmetic in Python's f64

def f32(x):
    """Rounds to f32, to nearest and ties to even; beyond the range to infinity."""
    try:
        return struct.unpack("<f", struct.pack("<f", x))[0]
    except OverflowError:
        return float("inf") if x > 0 else float("-inf")


def fma(a, b, c):
    """a·b + c with one rounding to f32. The product of two f32 is exact in f64; their sum with c is rounded to odd there,
    which keeps the second rounding from going wrong (Boldo and Melquiond, 2008)."""
    product = a * b
    total = product + c
    if total - total != 0 or total == 0:
        return f32(total)
    part = total - product
    error = (product - (total - part)) + (c - part)
    if error != 0:
        bits = struct.unpack("<q", struct.pack("<d", total))[0]
        if bits & 1 == 0:
            bits += 1 if (error > 0) == (total > 0) else -1
            total = struct.unpack("<d", struct.pack("<q", bits))[0]
    return f32(total)


def f16(bits):
    return struct.unpack("<e", struct.pack("<H", bits))[0]


def order_key(score):
    """Numerics, end of section 4."""
    key = struct.unpack("<i", struct.pack("<f", score))[0]
    return key if key >= 0 else key ^ 0x7FFFFFFF


def tree_sum(lanes):
    """Numerics, section 2: the fixed tree over sixteen sums."""
    width = 8
    while width:
        lanes = [f32(lanes[i] + lanes[i + width]) for i in range(width)]
        width //= 2
    return lanes[0]


def exact_score(metric, query, row, scale=None):
    """Numerics, section 2. `scale` is that of an int8 row, whose values `row` holds as integers."""
    lanes = [0.0] * 16
    for j, (q, x) in enumerate(zip(query, row)):
        if metric == "l2":
            t = f32(q - x) if scale is None else fma(-scale, x, q)
            lanes[j % 16] = fma(t, t, lanes[j % 16])
        else:
            lanes[j % 16] = fma(q, x, lanes[j % 16])
    total = tree_sum(lanes)
    if metric == "l2":
        return -total
    return total if scale is None else f32(total * scale)


def quantized(vector):
    """Numerics, section 3: levels, low and step of a vector."""
    low = min(vector)
    spread = f32(max(vector) - low)
    inverse = f32(127 / spread) if spread > 0 else math.inf
    if not math.isfinite(inverse):
        return [0] * len(vector), low, 0.0
    return [max(0, min(127, round(f32(f32(v - low) * inverse)))) for v in vector], low, f32(spread / 127)


def chain(start, pairs):
    for a, b in pairs:
        start = fma(a, b, start)
    return start


def normalised(vector):
    total = 0.0
    for x in vector:
        total += x * x
    need(total > 0, "a zero vector has no direction for cosine", 1)
    return [f32(x / total ** 0.5) for x in vector]


CRC_TABLE = []
for value in range(256):
    for _ in range(8):
        value = value >> 1 ^ (0x82F63B78 if value & 1 else 0)
    CRC_TABLE.append(value)


def crc32c(data, crc=0):
    """Numerics, section 6."""
    crc ^= 0xFFFFFFFF
    for byte in data:
        crc = CRC_TABLE[(crc ^ byte) & 255] ^ crc >> 8
    return crc ^ 0xFFFFFFFF


def is_zero(data):
    return not data.strip(b"\0")


# ---- the segment file (segment.md)

class Segment:
    def __init__(self, path):
        data = self.data = pathlib.Path(path).read_bytes()
        need(len(data) >= 2 * PAGE and data[:8] == MAGIC, f"{path} is no segment file")
        major, minor, header_bytes = struct.unpack_from("<HHI", data, 8)
        need(major == 1, f"{path} has format version {major}.{minor}", 5)
        need(crc32c(data[:PAGE - 4]) == struct.unpack_from("<I", data, PAGE - 4)[0], "the header is damaged")
        self.incompatible, self.read_only, self.compatible = struct.unpack_from("<QQQ", data, 16)
        need(self.incompatible & ~1 == 0, f"unknown incompatible features {self.incompatible:#x}", 5)
        self.database_uuid, self.uuid = data[40:56], data[56:72]
        size, self.rows, self.first_ordinal, self.span = struct.unpack_from("<QQQQ", data, 72)
        self.dimensions, metric = struct.unpack_from("<IB", data, 104)
        sections, table_crc = struct.unpack_from("<II", data, 112)
        need(size == len(data) and header_bytes == PAGE, "the file has another size than its header says")
        need(self.rows <= self.span < 2 ** 32 and (self.span == 0) == (self.rows == 0), "impossible row counts")
        need(1 <= self.dimensions <= 65535 and 1 <= metric <= 3 and 1 <= sections <= 64, "impossible header")
        need(is_zero(data[109:112]) and is_zero(data[120:PAGE - 4]), "reserved header bytes are not zero")
        self.metric = {1: "dot", 2: "cosine", 3: "l2"}[metric]
        self.header_crc = struct.unpack_from("<I", data, PAGE - 4)[0]
        table = data[PAGE:PAGE + 64 * sections]
        need(crc32c(table) == table_crc, "the section table is damaged")
        need(is_zero(data[PAGE + 64 * sections:2 * PAGE]), "bytes behind the section table are not zero")
        self.read_table(table, size)
        self.read_parameters()

    def read_table(self, table, size):
        self.sections, self.table = {}, []
        end, blocks = 2 * PAGE, 0
        for at in range(0, len(table), 64):
            kind, codec, element, shift = struct.unpack_from("<HBBB", table, at)
            offset, stored, logical, stride, crc, first = struct.unpack_from("<QQQQII", table, at + 8)
            name = NAMES.get(kind, f"kind {kind}")
            need(codec == 0 and stored == logical and element <= 8 and (shift == 0 or 12 <= shift <= 24),
                 f"section '{name}' is of an unknown form")
            need(is_zero(table[at + 5:at + 8]) and is_zero(table[at + 48:at + 64]), f"'{name}': reserved bytes")
            alignment = 65536 if shift else PAGE
            need(offset == -(-end // alignment) * alignment and offset + stored <= size, f"'{name}' is out of place")
            need(stride == 0 or stored % stride == 0, f"'{name}' is no whole number of rows")
            need(is_zero(self.data[end:offset]), f"the padding before '{name}' is not zero")
            need(name not in self.sections, f"'{name}' occurs twice")
            need(crc == 0 and first == blocks if shift else first == 0, f"'{name}' has impossible checksums")
            count = -(-stored // 2 ** shift) if shift else 0
            self.sections[name] = self.data[offset:offset + stored]
            self.table.append((name, element, shift, stride, crc, first, count))
            blocks += count
            end = offset + stored
        need(-(-end // PAGE) * PAGE == size and is_zero(self.data[end:]), "the file does not end with its last section")
        need(self.table[-1][0] == "block-checksums" and len(self.sections["block-checksums"]) == 4 * blocks,
             "section 'block-checksums' is missing or of the wrong size")
        checksums = struct.unpack(f"<{blocks}I", self.sections["block-checksums"])
        for name, element, shift, stride, crc, first, count in self.table:
            data = self.sections[name]
            if shift == 0:
                need(crc32c(data) == crc, f"section '{name}' is damaged")
            for block in range(count):
                need(crc32c(data[block << shift:block + 1 << shift]) == checksums[first + block],
                     f"section '{name}' is damaged at block {block}")
        self.elements = {name: (element, stride) for name, element, _, stride, *_ in self.table}

    def read_parameters(self):
        p = self.sections["parameters"]
        need(len(p) == 128, "section 'parameters' has another size")
        (self.kind, self.leaf_count, self.projected, self.per_block, self.subspaces, self.projection, _,
         self.block_bytes, self.biases, self.ranks_projected, slots, blocks, _, _) = struct.unpack_from("<10IQQQI", p)
        need(is_zero(p[72:]) and self.kind in (1, 2), "impossible parameters")
        if self.kind == 1:
            return
        self.pairs = (self.subspaces + 1) // 2
        self.twice = self.incompatible & 1 == 1
        need(self.ranks_projected <= (self.projection == 1) and self.biases <= 1 and (self.biases or self.metric != "l2") and self.rows <= slots <= self.rows * (2 if self.twice else 1) and self.block_bytes == 32 * self.pairs + 64
             + 128 * self.biases and self.subspaces == -(-self.projected // self.per_block), "contradictory parameters")
        self.leaves = list(struct.iter_unpack("<4I", self.sections["leaves"]))
        need(len(self.leaves) == self.leaf_count, "section 'leaves' has another size")
        block = row = held = 0
        for first_block, slot_count, first_row, row_count in self.leaves:
            need((first_block, first_row) == (block, row), "leaves do not follow each other")
            need(slot_count == row_count or self.twice and slot_count > row_count, "a leaf has an impossible slot count")
            block, row, held = block + -(-slot_count // 32), row + row_count, held + slot_count
        need(row == self.rows and block == blocks and held == slots, "leaves do not hold all rows")
        need(len(self.sections.get("slot-rows", b"")) == 128 * blocks * self.twice, "'slot-rows' has another size")
        need(len(self.sections.get("anisotropy", b"")) == 4 * (self.read_only & 1), "'anisotropy' has another size")
        width = self.projected if self.ranks_projected else self.dimensions
        matrices = [("routing-centroids", self.leaf_count, width)]
        matrices += [("projection", self.projected, self.dimensions)] * (self.projection == 1)
        for name, count, columns in matrices:
            stride = 64 * -(-columns // 4) + 192
            need(self.elements[name] == (0, stride) and len(self.sections[name]) == stride * -(-count // 16),
                 f"section '{name}' has another size")
        need(len(self.sections.get("origin", b"")) == 4 * self.dimensions, "'origin' has another size")
        need(("block-radii" in self.sections) == (self.metric == "dot"), "'block-radii' is there without need, or missing")
        need(self.metric != "dot" or len(self.sections["block-radii"]) == 4 * blocks, "'block-radii' has another size")

    def floats(self, name):
        data = self.sections.get(name, b"")
        return struct.unpack(f"<{len(data) // 4}f", data)

    def vector(self, row, section="reorder-vectors"):
        """The stored vector of a row and its int8 scale (section 7)."""
        element, stride = self.elements[section]
        data = self.sections[section][row * stride:(row + 1) * stride]
        d = self.dimensions
        if element == 1:
            return struct.unpack_from(f"<{d}f", data), None
        if element == 2:
            return [struct.unpack("<f", b"\0\0" + data[2 * j:2 * j + 2])[0] for j in range(d)], None
        if element == 5:
            return [float(x) for x in data[:d]], None
        if element == 4:
            return [float(x) for x in struct.unpack_from(f"<{d}b", data)], None
        need(element == 8, "unknown element type of the stored vectors")
        return [float(x) for x in struct.unpack_from(f"<{d}b", data, 4)], struct.unpack_from("<f", data)[0]

    def ordinal(self, row):
        if "ordinals" not in self.sections:
            return self.first_ordinal + row
        offset = struct.unpack_from("<I", self.sections["ordinals"], 4 * row)[0]
        need(offset < self.span, "an ordinal is out of range")
        return self.first_ordinal + offset

    def row(self, ordinal):
        offset = ordinal - self.first_ordinal
        if not 0 <= offset < self.span:
            return None
        if "rows-by-ordinal" not in self.sections:
            return offset
        row = struct.unpack_from("<I", self.sections["rows-by-ordinal"], 4 * offset)[0]
        return None if row == 0xFFFFFFFF else row

    def byte_products(self, name, vector, count):
        """Numerics, section 3; the layout of a byte matrix is in segment.md, section 6."""
        levels, low, step = quantized(vector)
        groups, result = -(-len(vector) // 4), []
        for i in range(count):
            at = i // 16 * (64 * groups + 192)
            block, row = self.sections[name][at:at + 64 * groups + 192], i % 16
            total = sum(u * struct.unpack_from("<b", block, 64 * (j // 4) + 4 * row + j % 4)[0]
                        for j, u in enumerate(levels))
            scale, scaled_sum, bias = (struct.unpack_from("<f", block, 64 * groups + 64 * part + 4 * row)[0]
                                       for part in range(3))
            result.append(fma(f32(scale * step), f32(total), fma(low, scaled_sum, bias)))
        return result


# ---- searching (numerics, section 4)

def project(segment, query):
    if segment.projection == 0:
        return list(query)
    if segment.projection == 1:
        return segment.byte_products("projection", query, segment.projected)
    d, signs, z = segment.dimensions, segment.floats("projection"), list(query)
    m = 1 << (d.bit_length() - 1)
    factor = f32(1 / m ** 0.5)
    for r in range(4):
        z = [f32(z[j] * signs[r * d + j]) for j in range(d)]
        start = 0 if r % 2 == 0 else d - m
        part, h = z[start:start + m], 1
        while h < m:
            for i in range(m):
                if not i & h:
                    u, v = part[i], part[i + h]
                    part[i], part[i + h] = f32(u + v), f32(u - v)
            h *= 2
        z[start:start + m] = [f32(x * factor) for x in part]
    return z


def lookup_table(segment, z):
    D, words = segment.per_block, segment.floats("codebooks")
    z = z + [0.0] * (2 * segment.pairs * D - len(z))
    table, offset, widest = [], 0.0, 0.0
    for s in range(2 * segment.pairs):
        entries = [chain(0.0, ((z[s * D + t], words[(s * D + t) * 16 + w]) for t in range(D))) for w in range(16)]
        low = min(entries)
        widest = max(widest, f32(max(entries) - low))
        offset = f32(offset + low)
        table.append([f32(entry - low) for entry in entries])
    inverse = f32(127 / widest) if widest > 0 else 0.0
    usable = widest > 0 and inverse != float("inf")
    step = f32(widest / 127) if usable else 0.0
    inverse = inverse if usable else 0.0
    return [[min(127, round(f32(entry * inverse))) for entry in entries] for entries in table], step, offset


def estimates(segment, leaf, blocks, table, step, offset, constant, factor):
    """Numbers and estimates of the slots in some of a leaf's blocks: rows, or slot numbers with second assignments."""
    first_block, slots, first_row, _ = segment.leaves[leaf]
    for slot in range(32 * blocks.start, min(slots, 32 * blocks.stop)):
        at = (first_block + slot // 32) * segment.block_bytes
        block, i = segment.sections["codes"][at:at + segment.block_bytes], slot % 32
        total = 0
        for p in range(segment.pairs):
            code = block[32 * p + i]
            total += table[2 * p][code & 15] + table[2 * p + 1][code >> 4]
        scales = 32 * segment.pairs
        scale = f16(struct.unpack_from("<H", block, scales + 2 * i)[0])
        bias = struct.unpack_from("<f", block, scales + 64 + 4 * i)[0] if segment.biases else 0.0
        yield (32 * first_block if segment.twice else first_row) + slot, fma(scale, fma(step, float(total), offset), fma(-factor, bias, constant))


def candidates(segment, query, excluded, k, leaves_to_search, reorder):
    origin, relative = segment.floats("origin"), list(query)
    if segment.metric == "l2":
        relative = [f32(q - o) for q, o in zip(query, origin)]
    projected = project(segment, relative)
    routing = segment.byte_products(
        "routing-centroids", projected if segment.ranks_projected else relative, segment.leaf_count)
    ranked = sorted(range(segment.leaf_count), key=lambda leaf: (-order_key(routing[leaf]), leaf))
    chosen, live = [], 0
    for leaf in ranked:
        if len(chosen) >= leaves_to_search and live >= k:
            break
        chosen.append(leaf)
        _, _, first, count = segment.leaves[leaf]
        live += sum(row not in excluded for row in range(first, first + count))
    table, step, offset = lookup_table(segment, projected)
    k = 2 * k if segment.twice else k  # so many slots hold k rows for certain
    keep = max(reorder, k)
    rows = struct.unpack(f"<{len(segment.sections.get('slot-rows', b'')) // 4}I", segment.sections.get("slot-rows", b""))

    def row_of(number):
        row = rows[number] if segment.twice else number
        need(row < segment.rows, "a slot has no row")
        return row

    constants = {leaf: exact_score(segment.metric, relative, *segment.vector(leaf, "centroids")) for leaf in chosen}
    if segment.metric == "l2":
        constants = {leaf: f32(0.5 * constant) for leaf, constant in constants.items()}

    share = exact_score("dot", query, origin)

    def scan(leaf, blocks):
        factor = 1.0 if segment.metric == "l2" else f32(share + constants[leaf])
        return [(number, score) for number, score in
                estimates(segment, leaf, blocks, table, step, offset, constants[leaf], factor)
                if row_of(number) not in excluded]

    blocks = {leaf: -(-segment.leaves[leaf][1] // 32) for leaf in chosen}
    if segment.metric != "dot" or sum(segment.leaves[leaf][1] for leaf in chosen) <= keep:
        found = [hit for leaf in chosen for hit in scan(leaf, range(blocks[leaf]))]
    else:  # numerics, section 4, "Blocks to scan"
        radii = segment.floats("block-radii")
        found = [hit for leaf in chosen for hit in scan(leaf, range(min(1, blocks[leaf])))]
        scores = sorted((score for _, score in found), key=order_key, reverse=True)
        threshold = scores[k - 1] if len(scores) >= k else -math.inf
        length = f32(math.sqrt(exact_score("dot", query, query)))
        for leaf in chosen:
            first, end = segment.leaves[leaf][0], 1
            while end < blocks[leaf] and f32(constants[leaf] + f32(length * radii[first + end])) >= threshold:
                end += 1
            found += scan(leaf, range(1, end))
    found.sort(key=lambda hit: (-order_key(hit[1]), hit[0]))
    return list(dict.fromkeys(row_of(number) for number, _ in found[:keep]))


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
        need(crc32c(b"\0".join(fields)) == row[-1], f"a row of '{table}' does not match its checksum")

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
            return [int(id)] if id.isdecimal() and str(int(id)) == id else []
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
        need(len(text) == size and crc32c(struct.pack("<Q", ordinal) + text) == crc, "a document is damaged")
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


# ---- golden databases

def check(directory):
    """Verifies every golden database and compares every expected answer: ids, order, and scores to the bit."""
    passed = failed = 0
    for expected in sorted(pathlib.Path(directory).rglob("expected.json")):
        cases = json.loads(expected.read_text())
        try:
            database = Database(expected.parent / "database.vecdb")
            for ordinal in range(database.segment.first_ordinal, database.segment.first_ordinal + database.segment.span):
                if database.segment.row(ordinal) is not None:
                    database.id(ordinal)
                    database.metadata(ordinal)
            for number, case in enumerate(cases["queries"]):
                vector = case["vector"] if "vector" in case else database.query_vector(case["query_id"])
                hits = [{"id": database.id(ordinal), "score": score}
                        for ordinal, score in database.search(vector, **case["options"])]
                want = [{"id": hit["id"], "score": f32(hit["score"])} for hit in case["hits"]]
                if hits == want:
                    passed += 1
                else:
                    failed += 1
                    print(f"{expected.parent.name}, query {number}: found {hits[:3]}…, expected {want[:3]}…", file=sys.stderr)
        except (Refused, sqlite3.Error, struct.error) as error:
            failed += 1
            print(f"{expected.parent.name}: {error}", file=sys.stderr)
    print(f"{passed} passed, {failed} failed")
    return 0 if failed == 0 and passed > 0 else 1


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    query = commands.add_parser("query")
    query.add_argument("database")
    query.add_argument("--vector", type=json.loads)
    query.add_argument("--query-id")
    query.add_argument("-k", type=int, default=10)
    query.add_argument("--leaves-to-search", type=int)
    query.add_argument("--reorder", type=int)
    query.add_argument("--exact", action="store_true")
    query.add_argument("--exclude", action="append", default=[])
    metadata = commands.add_parser("metadata")
    metadata.add_argument("database")
    metadata.add_argument("id")
    commands.add_parser("check").add_argument("directory")
    arguments = parser.parse_args()
    if arguments.command == "check":
        return check(arguments.directory)
    database = Database(arguments.database)
    if arguments.command == "metadata":
        for ordinal in database.ordinals(arguments.id):
            print(json.dumps(database.metadata(ordinal), ensure_ascii=False))
        return 0
    vector = arguments.vector or database.query_vector(arguments.query_id)
    hits = database.search(vector, arguments.k, arguments.leaves_to_search, arguments.reorder, arguments.exact,
                           arguments.exclude)
    print(json.dumps({"query": 0, "hits": [{"rank": rank + 1, "id": database.id(ordinal), "score": score}
                                           for rank, (ordinal, score) in enumerate(hits)]}, ensure_ascii=False))
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Refused as refused:
        print(f"vecdb_reader: {refused}", file=sys.stderr)
        sys.exit(refused.code)
