"""Which sections a segment has, and their form (segment.md, section 3)."""

from .refusal import need

NAMES = {1: "parameters", 2: "leaves", 3: "routing-centroids", 4: "origin", 5: "centroids", 6: "projection",
         7: "codebooks", 8: "codes", 9: "reorder-vectors", 10: "ordinals", 11: "rows-by-ordinal", 12: "norms",
         13: "id-offsets", 14: "ids", 15: "slot-rows", 16: "int8-vectors", 17: "block-radii", 18: "block-checksums",
         19: "anisotropy"}


def rounded_up(value, unit):
    return -(-value // unit) * unit


def row_strides(dimensions):
    """By element type (segment.md, section 7)."""
    return {1: rounded_up(4 * dimensions, 16), 2: rounded_up(2 * dimensions, 4), 4: rounded_up(dimensions, 4),
            5: rounded_up(dimensions, 4), 8: rounded_up(4 + dimensions, 4)}


def check_sections(s, blocks):
    """Refuses a table whose sections are not those that the numbers of header and parameters ask for."""
    expected = expected_sections(s, blocks)
    for name, (element, shift, stride, size) in expected.items():
        need(name in s.sections, f"section '{name}' is missing")
        found = next(entry for entry in s.table if entry[0] == name)
        need(found[1:4] == (element, shift, stride) and (size is None or len(s.sections[name]) == size),
             f"section '{name}' has another form or size than it must have")
    for name in s.sections:
        need(name in expected or name not in NAMES.values(), f"section '{name}' does not belong in such a segment")


def expected_sections(s, blocks):
    """name: element type, checksum shift, stride, bytes (None: any)."""
    d, n, span, strides = s.dimensions, s.rows, s.span, row_strides(s.dimensions)
    sections = {"parameters": (0, 0, 0, 128), "block-checksums": (6, 0, 4, None)}
    if s.kind == 2:
        matrix = 64 * -(-(s.projected if s.ranks_projected else d) // 4) + 192
        dense = 64 * -(-d // 4) + 192
        sections |= {
            "leaves": (0, 0, 16, 16 * s.leaf_count),
            "routing-centroids": (0, 0, matrix, matrix * -(-s.leaf_count // 16)),
            "origin": (1, 0, 4, 4 * d),
            "centroids": (8, 0, strides[8], strides[8] * s.leaf_count),
            "codebooks": (1, 0, 4, 64 * rounded_up(s.subspaces, 2) * s.per_block),
            "codes": (0, 16, s.block_bytes, s.block_bytes * blocks),
        }
        if s.projection == 1:
            sections["projection"] = (0, 0, dense, dense * -(-s.projected // 16))
        if s.projection == 2:
            sections["projection"] = (1, 0, 4, 16 * d)
        if s.metric == "dot":
            sections["block-radii"] = (1, 12, 4, 4 * blocks)
        if s.twice:
            sections["slot-rows"] = (6, 12, 4, 128 * blocks)
        if s.anisotropic:
            sections["anisotropy"] = (1, 0, 4, 4)
    need("reorder-vectors" in s.sections, "section 'reorder-vectors' is missing")
    element, _ = s.elements["reorder-vectors"]
    need(element in strides, f"section 'reorder-vectors' has the unknown storage {element}", 5)
    sections["reorder-vectors"] = (element, 12, strides[element], n * strides[element])
    if "ordinals" in s.sections:
        sections |= {"ordinals": (6, 12, 4, 4 * n), "rows-by-ordinal": (6, 12, 4, 4 * span)}
    need("ordinals" in s.sections or span == n, "section 'ordinals' is missing")
    if s.metric == "cosine":
        sections["norms"] = (1, 12, 4, 4 * n)
    if s.compatible & 1:
        sections |= {"id-offsets": (7, 12, 8, 8 * (span + 1)), "ids": (5, 12, 1, None)}
    if s.compatible & 2:
        sections["int8-vectors"] = (8, 12, strides[8], n * strides[8])
    return sections
