"""The segment file (segment.md)."""

import math
import pathlib
import struct

from . import checksum
from .geometry import NAMES, check_sections
from .numerics import f32, fma, quantized
from .refusal import need

PAGE = 4096
MAGIC = b"\x89VSEG\r\n\x1a"


# Forms of floats by element type: how a value is unpacked, and the bits that are all set in infinities and NaN.
FLOATS = {1: ("I", 0x7F800000), 2: ("H", 0x7F80), 3: ("H", 0x7C00)}


def is_zero(data):
    return not data.strip(b"\0")


def is_finite(data, element):
    word, exponent = FLOATS[element]
    return all(value & exponent != exponent for (value,) in struct.iter_unpack("<" + word, data))


class Segment:
    def __init__(self, path):
        data = self.data = pathlib.Path(path).read_bytes()
        need(len(data) >= 2 * PAGE and data[:8] == MAGIC, f"{path} is no segment file")
        major, minor, header_bytes = struct.unpack_from("<HHI", data, 8)
        need(major == 1, f"{path} has format version {major}.{minor}", 5)
        need(checksum.crc32c(data[:PAGE - 4]) == struct.unpack_from("<I", data, PAGE - 4)[0], "the header is damaged")
        self.incompatible, self.read_only, self.compatible = struct.unpack_from("<QQQ", data, 16)
        need(self.incompatible & ~1 == 0, f"unknown incompatible features {self.incompatible:#x}", 5)
        self.database_uuid, self.uuid = data[40:56], data[56:72]
        size, self.rows, self.first_ordinal, self.span = struct.unpack_from("<QQQQ", data, 72)
        self.dimensions, metric = struct.unpack_from("<IB", data, 104)
        sections, table_crc = struct.unpack_from("<II", data, 112)
        need(size == len(data) and header_bytes == PAGE, "the file has another size than its header says")
        need(self.rows <= self.span < 2 ** 32 and (self.span == 0) == (self.rows == 0)
             and self.first_ordinal + self.span < 2 ** 64, "impossible row counts")
        need(1 <= self.dimensions <= 65535, "impossible dimensions")
        need(1 <= sections <= 64, f"{sections} sections are impossible")
        need(1 <= metric <= 3, f"unknown metric {metric}", 5)
        need(is_zero(data[109:112]) and is_zero(data[120:PAGE - 4]), "reserved header bytes are not zero")
        self.metric = {1: "dot", 2: "cosine", 3: "l2"}[metric]
        self.header_crc = struct.unpack_from("<I", data, PAGE - 4)[0]
        table = data[PAGE:PAGE + 64 * sections]
        need(checksum.crc32c(table) == table_crc, "the section table is damaged")
        need(is_zero(data[PAGE + 64 * sections:2 * PAGE]), "bytes behind the section table are not zero")
        self.read_table(table, size)
        self.read_parameters()
        self.check_floats()

    def read_table(self, table, size):
        self.sections, self.table = {}, []
        end, blocks = 2 * PAGE, 0
        for at in range(0, len(table), 64):
            kind, codec, element, shift = struct.unpack_from("<HBBB", table, at)
            offset, stored, logical, stride, crc, first = struct.unpack_from("<QQQQII", table, at + 8)
            name = NAMES.get(kind, f"kind {kind}")
            need(kind != 0, "a section of kind 0")
            if kind in NAMES:
                need(codec == 0, f"section '{name}' has the unknown codec {codec}", 5)
                need(element <= 8, f"section '{name}' has the unknown element type {element}", 5)
            need(shift == 0 or 12 <= shift <= 24, f"section '{name}' has an impossible checksum shift")
            need(codec != 0 or stored == logical, f"section '{name}' has two sizes")
            need(is_zero(table[at + 5:at + 8]) and is_zero(table[at + 48:at + 64]), f"'{name}': reserved bytes")
            alignment = 65536 if shift else PAGE
            need(offset == -(-end // alignment) * alignment and offset + stored <= size, f"'{name}' is out of place")
            need(codec != 0 or stride == 0 or stored % stride == 0, f"'{name}' is no whole number of rows")
            need(is_zero(self.data[end:offset]), f"the padding before '{name}' is not zero")
            need(name not in self.sections, f"'{name}' occurs twice")
            need(crc == 0 and first == blocks if shift else first == 0, f"'{name}' has impossible checksums")
            count = -(-stored // 2 ** shift) if shift else 0
            self.sections[name] = self.data[offset:offset + stored]
            self.table.append((name, element, shift, stride, crc, first, count))
            blocks += count
            end = offset + stored
        need(-(-end // PAGE) * PAGE == size and is_zero(self.data[end:]), "the file does not end with its last section")
        need(self.table[-1][:4] == ("block-checksums", 6, 0, 4) and len(self.sections["block-checksums"]) == 4 * blocks,
             "section 'block-checksums' is missing, not the last, or of another form")
        checksums = struct.unpack(f"<{blocks}I", self.sections["block-checksums"])
        for name, element, shift, stride, crc, first, count in self.table:
            data = self.sections[name]
            if shift == 0:
                need(checksum.crc32c(data) == crc, f"section '{name}' is damaged")
            for block in range(count):
                need(checksum.crc32c(data[block << shift:block + 1 << shift]) == checksums[first + block],
                     f"section '{name}' is damaged at block {block}")
        self.elements = {name: (element, stride) for name, element, _, stride, *_ in self.table}

    def check_floats(self):
        for name, (element, stride) in self.elements.items():
            data = self.sections[name]
            if name in NAMES.values() and element in FLOATS:
                need(is_finite(data[:len(data) // 4 * 4], element), f"section '{name}' holds a value that is not finite")
            if name in NAMES.values() and element == 8 and stride >= 4 and stride % 4 == 0:
                scales = b"".join(data[at:at + 4] for at in range(0, len(data), stride))
                need(is_finite(scales, 1) and all(scale >= 0 for (scale,) in struct.iter_unpack("<f", scales)),
                     f"section '{name}' holds a scale that is negative or not finite")

    def read_parameters(self):
        p = self.sections.get("parameters", b"")
        need(len(p) == 128, "section 'parameters' is missing or has another size")
        (self.kind, self.leaf_count, self.projected, self.per_block, self.subspaces, self.projection, _,
         self.block_bytes, self.biases, self.ranks_projected, slots, blocks, _, _) = struct.unpack_from("<10IQQQI", p)
        self.slots = slots
        need(is_zero(p[72:]), "'parameters' has reserved bytes that are not zero")
        need(self.kind in (1, 2), f"'parameters' has the unknown index kind {self.kind}", 5)
        need(is_finite(p[68:72], 1), "'parameters' has a coding length that is not finite")
        self.twice, self.anisotropic = self.incompatible & 1 == 1, self.read_only & 1 == 1
        if self.kind == 1:
            need(is_zero(p[4:56]) and is_zero(p[68:72]), "'parameters' of an exact index has some of a tree's")
            need(not self.twice and not self.anisotropic, "'parameters' is of an exact index, with features of trees")
            check_sections(self, 0)
            return
        need(self.leaf_count <= self.rows and (self.leaf_count == 0) == (self.rows == 0)
             and 1 <= self.projected <= self.dimensions and 1 <= self.per_block <= self.projected,
             "'parameters' has impossible counts")
        need(self.projection in (0, 1, 2), f"'parameters' has the unknown projection {self.projection}", 5)
        self.pairs = (self.subspaces + 1) // 2
        need(self.ranks_projected <= (self.projection == 1) and self.biases <= 1
             and (self.biases or self.metric != "l2") and (self.projection == 1 or self.projected == self.dimensions)
             and self.rows <= slots <= self.rows * (2 if self.twice else 1) and blocks <= slots
             and (not self.twice or blocks <= 1 << 27)
             and self.block_bytes == 32 * self.pairs + 64 + 128 * self.biases
             and self.subspaces == -(-self.projected // self.per_block), "'parameters' contradicts itself")
        check_sections(self, blocks)
        self.leaves = list(struct.iter_unpack("<4I", self.sections["leaves"]))
        block = row = held = 0
        for first_block, slot_count, first_row, row_count in self.leaves:
            need((first_block, first_row) == (block, row), "'leaves' do not follow each other")
            need(slot_count == row_count or self.twice and slot_count > row_count,
                 "'leaves' has an impossible slot count")
            block, row, held = block + -(-slot_count // 32), row + row_count, held + slot_count
        need(row == self.rows and block == blocks and held == slots, "'leaves' does not hold all rows")
        if self.anisotropic:
            kappa, = self.floats("anisotropy")
            need(0 < kappa < math.inf, "'anisotropy' is not more than 0")
        width = self.projected if self.ranks_projected else self.dimensions
        matrices = [("routing-centroids", width)] + [("projection", self.dimensions)] * (self.projection == 1)
        for name, columns in matrices:
            stride, data = 64 * -(-columns // 4) + 192, self.sections[name]
            factors = b"".join(data[at + stride - 192:at + stride] for at in range(0, len(data), stride))
            need(is_finite(factors, 1), f"section '{name}' holds a factor that is not finite")
        codes, size = self.sections["codes"], self.block_bytes
        scales = b"".join(codes[at + 32 * self.pairs:at + 32 * self.pairs + 64] for at in range(0, len(codes), size))
        biases = b"".join(codes[at + 32 * self.pairs + 64:at + size] for at in range(0, len(codes), size))
        need(is_finite(scales, 3) and is_finite(biases, 1), "section 'codes' holds a scale or bias that is not finite")

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
        return [float(x) for x in struct.unpack_from(f"<{d}b", data, 4)], struct.unpack_from("<f", data)[0]

    def ordinal(self, row):
        if "ordinals" not in self.sections:
            return self.first_ordinal + row
        offset = struct.unpack_from("<I", self.sections["ordinals"], 4 * row)[0]
        need(offset < self.span, "'ordinals' has one that is out of range")
        return self.first_ordinal + offset

    def row(self, ordinal):
        offset = ordinal - self.first_ordinal
        if not 0 <= offset < self.span:
            return None
        if "rows-by-ordinal" not in self.sections:
            return offset
        row = struct.unpack_from("<I", self.sections["rows-by-ordinal"], 4 * offset)[0]
        need(row < self.rows or row == 0xFFFFFFFF, "'rows-by-ordinal' names a row that is none")
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
