"""Searching the tree (numerics.md, section 4)."""

import math
import struct

from .numerics import chain, exact_score, f16, f32, fma, nearest, order_key, quantized
from .refusal import need


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
    return [[min(127, nearest(f32(entry * inverse))) for entry in entries] for entries in table], step, offset


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
        rest = constant
        if segment.biases:
            rest = fma(-factor, struct.unpack_from("<f", block, scales + 64 + 4 * i)[0], constant)
        number = (32 * first_block if segment.twice else first_row) + slot
        yield number, fma(scale, fma(step, float(total), offset), rest)


def choose_leaves(segment, routing, excluded, k, leaves_to_search):
    """Numerics, section 4, "Choosing leaves" and "Enlarging the search"."""
    ranked = sorted(range(segment.leaf_count), key=lambda leaf: (-order_key(routing[leaf]), leaf))
    chosen, live = [], 0
    for leaf in ranked:
        if len(chosen) >= leaves_to_search and live >= k:
            break
        chosen.append(leaf)
        _, _, first, count = segment.leaves[leaf]
        live += sum(row not in excluded for row in range(first, first + count))
    return sorted(chosen)


def leaf_constants(segment, relative, chosen):
    constants = {leaf: exact_score(segment.metric, relative, *segment.vector(leaf, "centroids")) for leaf in chosen}
    if segment.metric == "l2":
        constants = {leaf: f32(0.5 * constant) for leaf, constant in constants.items()}
    return constants


def bias_factors(segment, query, origin, constants):
    if segment.metric == "l2":
        return {leaf: 1.0 for leaf in constants}
    share = exact_score("dot", query, origin)
    return {leaf: f32(share + constant) for leaf, constant in constants.items()}


def candidates(segment, query, excluded, k, leaves_to_search, reorder, trace):
    """The rows that get exact scores. `trace` is given every intermediate result."""
    origin, relative = segment.floats("origin"), list(query)
    if segment.metric == "l2":
        relative = [f32(q - o) for q, o in zip(query, origin)]
    projected = project(segment, relative)
    ranking = projected if segment.ranks_projected else relative
    routing = segment.byte_products("routing-centroids", ranking, segment.leaf_count)
    chosen = choose_leaves(segment, routing, excluded, k, leaves_to_search)
    table, step, offset = lookup_table(segment, projected)
    k = 2 * k if segment.twice else k  # so many slots hold k rows for certain
    keep = max(reorder, k)
    slot_rows = segment.sections.get("slot-rows", b"")
    rows = struct.unpack(f"<{len(slot_rows) // 4}I", slot_rows)

    def row_of(number):
        row = rows[number] if segment.twice else number
        need(row < segment.rows, "'slot-rows' names a row that is none")
        return row

    constants = leaf_constants(segment, relative, chosen)
    factors = bias_factors(segment, query, origin, constants)
    scanned = []

    def scan(leaf, blocks):
        scanned.extend(segment.leaves[leaf][0] + block for block in blocks)
        return [(number, score) for number, score in
                estimates(segment, leaf, blocks, table, step, offset, constants[leaf], factors[leaf])
                if row_of(number) not in excluded]

    blocks = {leaf: -(-segment.leaves[leaf][1] // 32) for leaf in chosen}
    threshold = length = None
    if segment.metric != "dot" or sum(segment.leaves[leaf][1] for leaf in chosen) <= keep:
        found = [hit for leaf in chosen for hit in scan(leaf, range(blocks[leaf]))]
    elif exact_score("dot", query, query) < 2.0**-126:
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
    kept = list(dict.fromkeys(row_of(number) for number, _ in found[:keep]))
    trace.update(
        levels=quantized(ranking)[0], projected=projected, routing=routing, leaves=chosen,
        constants=[constants[leaf] for leaf in chosen], factors=[factors[leaf] for leaf in chosen] if segment.biases else None,
        table=table, step=step, offset=offset, length=length, threshold=threshold, blocks=sorted(scanned),
        estimates=sorted(found), candidates=sorted(kept))
    return kept
