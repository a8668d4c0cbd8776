"""Arithmetic (numerics.md): f32 arithmetic in Python's f64."""

import math
import struct

from .refusal import need


def f32(x):
    """Rounds to f32, to nearest and ties to even; beyond the range to infinity."""
    try:
        return struct.unpack("<f", struct.pack("<f", x))[0]
    except OverflowError:
        return float("inf") if x > 0 else float("-inf")


def fma(a, b, c):
    """a·b + c with one rounding to f32.

    The product of two f32 is exact in f64; their sum with c is rounded to odd there, which keeps the second rounding
    from going wrong (Boldo and Melquiond, 2008).
    """
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


def nearest(x):
    """The nearest integer, halves to the even one."""
    return round(x)


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
    return [max(0, min(127, nearest(f32(f32(v - low) * inverse)))) for v in vector], low, f32(spread / 127)


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
