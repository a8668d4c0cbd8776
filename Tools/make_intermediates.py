#!/usr/bin/env python3
"""Makes Formats/golden/intermediates/ from the golden databases beside it (Python 3.9, standard library).

    make_intermediates.py DIRECTORY       # Formats/golden/intermediates, which must not exist

The independent reader computes them; the library's tests find out whether it computes the same. Some queries are
searched for: a mutant of the reader that random queries do not tell from it answers them in another way.
"""
import json
import pathlib
import random
import sys
import types

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from make_golden import sums  # noqa: E402
from reader import numerics, segment, tree  # noqa: E402
from reader.database import Database  # noqa: E402
from reader.intermediates import bits, computed, documents  # noqa: E402
from reader.mutants import MUTANTS, changed  # noqa: E402
from reader.numerics import f32  # noqa: E402

NARROW = {"k": 5, "leaves_to_search": 2, "reorder": 12}
LEAST = {"k": 3, "leaves_to_search": 1, "reorder": 1}
# database: ordinals whose documents are given
DATABASES = {
    "v1/dot-tree-256-pca": [], "v1/dot-tree-256-bf16": [], "v1/dot-tree-257-int8": range(4), "v1/dot-tree-900-lengths": [],
    "v1/cosine-tree-256": [], "v1/cosine-tree-257-random": [], "v1/l2-tree-255-u8": [], "v1/l2-tree-256-i8": [],
    "v1/l2-tree-257-int8": [], "v1/l2-tree-255-structured": [], "v1/cosine-exact-257": [], "v1.1/dot-tree-900-soar": [],
    "v1.1/cosine-tree-257-soar": [], "v1.1/l2-tree-257-soar": [], "v1.1/dot-tree-256-anisotropic": [],
    "edges/dot-tree-300-floats": range(0, 300, 43), "edges/dot-tree-300-floats-soar": [], "edges/cosine-tree-200-floats": [],
    "edges/l2-tree-200-floats": [], "edges/dot-tree-99-zeros": [], "edges/dot-tree-16-wide": [],
    "edges/l2-tree-12-structured": [], "edges/dot-exact-40-fused": [],
}
def gaussian(generator, dimensions, scale=1.0):
    return [f32(scale * generator.gauss(0, 1)) for _ in range(dimensions)]


def queries(name, database):
    """Pairs of a query and its options."""
    s, generator = database.segment, random.Random(name)
    d = s.dimensions
    yield gaussian(generator, d), NARROW
    yield gaussian(generator, d, 3), LEAST
    excluded = [database.id(s.ordinal(row)) for row in range(0, min(s.rows, 240), 3)]
    yield gaussian(generator, d), {**NARROW, "exclude": excluded}
    # Exact halves among the levels: the values' range is 127, and inverse 1.
    yield ([0, 127] + [number % 120 + 0.5 for number in range(d)])[:d], LEAST
    if s.metric == "dot":
        yield [0.0] * d, NARROW  # everything ties
        yield [0.0] * d, LEAST
    if s.metric == "l2":
        row, scale = s.vector(7)
        yield [f32(x * (scale or 1)) for x in row], NARROW  # a distance of zero
        yield list(s.floats("origin")), LEAST
    if "zeros" in name:
        tiny = s.vector(4)[0]
        yield [f32(1e10 * x) for x in tiny], {"k": 40, "exact": True}
        yield [f32(1e10 * x) for x in tiny], {"k": 9, "leaves_to_search": 3, "reorder": 20}
        yield [1e-25] * d, {"k": 50, "exact": True}
        against = [f32(-1e10 * x) for x in tiny]  # this row alone has the score -0
        yield against, {"k": 99, "exact": True}
        yield against, {"k": 80, "leaves_to_search": 4, "reorder": 99}
    if "fused" in name:
        yield [1.0] + [0.0] * (d - 2) + [1 + 2 ** -12], {"k": 40}
    if "exact" in name:
        yield gaussian(generator, d), {"k": 6, "exact": True}
    for mutant, (place, kind) in SOUGHT.items():
        if place == name:
            yield kind(mutated(mutant), s, generator), NARROW


def mutated(mutant):
    """A module of the reader with one line changed."""
    name, old, new = MUTANTS[mutant]
    module = types.ModuleType(f"reader.{name}")
    module.__package__ = "reader"
    exec(changed(name, old, new), module.__dict__)
    return module


# Queries that a mutant answers in another way.


def other_levels(module, s, generator):
    while True:
        query = gaussian(generator, s.dimensions)
        if module.quantized(query) != numerics.quantized(query):
            return query


def other_table(module, s, generator):
    while True:
        query = gaussian(generator, s.dimensions)
        relative = [f32(q - o) for q, o in zip(query, s.floats("origin"))] if s.metric == "l2" else query
        z = tree.project(s, relative)
        if module.lookup_table(s, z) != tree.lookup_table(s, z):
            return query


def other_routing(module, s, generator):
    """Integer sums beyond 2²⁴: all values but one are the largest."""
    while True:
        query = [0.0] + [f32(generator.uniform(1, 2))] * (s.dimensions - 1)
        found = [of.byte_products(s, "routing-centroids", query, s.leaf_count) for of in (module.Segment, segment.Segment)]
        if found[0] != found[1]:
            return query


def other_blocks(module, s, generator):
    """A block's bound lies within some roundings of the threshold: bisected, then shaken."""
    def traced(of, query):
        trace = {}
        of.candidates(s, query, set(), NARROW["k"], NARROW["leaves_to_search"], NARROW["reorder"], trace)
        return trace

    def distance(trace):
        """Of the bound that is nearest to the threshold."""
        radii = s.floats("block-radii")
        return min(abs(constant + trace["length"] * radii[block] - trace["threshold"]) / abs(trace["threshold"])
                   for leaf, constant in zip(trace["leaves"], trace["constants"])
                   for block in range(s.leaves[leaf][0] + 1, s.leaves[leaf][0] + -(-s.leaves[leaf][1] // 32)))

    while True:
        ends = [gaussian(generator, s.dimensions) for _ in range(2)]
        found = [traced(tree, end) for end in ends]
        if found[0]["leaves"] != found[1]["leaves"] or found[0]["blocks"] == found[1]["blocks"]:
            continue
        for _ in range(40):
            middle = [f32((a + b) / 2) for a, b in zip(*ends)]
            is_first = traced(tree, middle)["blocks"] == found[0]["blocks"]
            ends = [middle, ends[1]] if is_first else [ends[0], middle]
            if ends[0] == ends[1]:
                break
        if distance(traced(tree, ends[0])) > 1e-6:
            continue
        for _ in range(200):
            query = [f32(x * (1 + generator.randint(-2, 2) * 2 ** -23)) for x in ends[0]]
            if traced(tree, query)["blocks"] != traced(module, query)["blocks"]:
                return query


FLOATS = "edges/dot-tree-300-floats"
# mutant: where it is told apart, and by which queries
SOUGHT = {
    "levels: difference not rounded": (FLOATS, other_levels),
    "integer sum not rounded": ("edges/dot-tree-16-wide", other_routing),
    "table: halves rounded up": (FLOATS, other_table),
    "table: differences not rounded": (FLOATS, other_table),
    "table: product not rounded": (FLOATS, other_table),
    "bound unrounded": (FLOATS, other_blocks),
    "bound fused": (FLOATS, other_blocks),
    "length not rounded": (FLOATS, other_blocks),
}


def file_of(path, database, ordinals, questions):
    """The text of a file: what the reader computes for pairs of a query and its options."""
    cases = []
    for vector, options in questions:
        print(f"{path}, query {len(cases)}", file=sys.stderr)
        text = bits(vector)
        cases.append({"vector": text, "options": options, **computed(database, text, options)})
    found = {"database": path, "documents": documents(database, [str(ordinal) for ordinal in ordinals])}
    lines = ",\n".join(json.dumps(case, ensure_ascii=False) for case in cases)
    return json.dumps(found, ensure_ascii=False)[:-1] + ', "queries": [\n' + lines + "\n]}\n"


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    place = pathlib.Path(sys.argv[1])
    if place.exists():
        sys.exit(f"{place} exists; golden files are never made again")
    for name, ordinals in DATABASES.items():
        database = Database(place.parent / name / "database.vecdb")
        file = place / f"{name}.json"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(file_of(f"../../{name}/database.vecdb", database, ordinals, queries(name, database)))
    (place / "SHA256SUMS").write_text(sums(place))


if __name__ == "__main__":
    main()
