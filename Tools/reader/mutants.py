#!/usr/bin/env python3
"""Changes one line of the second reader at a time and asks whether the golden files notice (golden.md, "Mutants").

    Tools/reader/mutants.py [--threads N] [--quick] [NAME …]     all, or those whose names hold one of these words

Each mutant is a mistake that whoever writes a reader from Formats/ could make. Prints those that nothing notices; exits
with 1 when there are any.
"""
import argparse
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor

READER = pathlib.Path(__file__).resolve().parent
GOLDEN = READER.parent.parent / "Formats" / "golden"
# The quick ones first: most mutants end there.
PLACES = ["intermediates/edges", "edges", "settings", "intermediates", "v1.1", "v1"]
# The quick form tries every so many-th: a choice that does not change, from each topic.
QUICK_STEP = 6

# name: file, the line's text as it is, what it becomes
MUTANTS = {
    # Exact scores and arithmetic.
    "dot: multiply and add unfused": ("numerics", "lanes[j % 16] = fma(q, x, lanes[j % 16])", "lanes[j % 16] = f32(lanes[j % 16] + f32(q * x))"),
    "l2: square and add unfused": ("numerics", "lanes[j % 16] = fma(t, t, lanes[j % 16])", "lanes[j % 16] = f32(lanes[j % 16] + f32(t * t))"),
    "l2: difference not rounded": ("numerics", "t = f32(q - x) if scale is None", "t = q - x if scale is None"),
    "l2 of int8: difference unfused": ("numerics", "else fma(-scale, x, q)", "else f32(q - f32(scale * x))"),
    "int8: scale before the sum": ("numerics", "lanes[j % 16] = fma(q, x, lanes[j % 16])", "lanes[j % 16] = fma(q, x if scale is None else f32(x * scale), lanes[j % 16])"),
    "int8: scale forgotten": ("numerics", "return total if scale is None else f32(total * scale)", "return total"),
    "eight lanes": ("numerics", "lanes[j % 16] = fma(q, x, lanes[j % 16])", "lanes[j % 8] = fma(q, x, lanes[j % 8])"),
    "lanes summed one after the other": ("numerics", "total = tree_sum(lanes)", "total = [sum_ := 0.0] and [sum_ := f32(sum_ + lane) for lane in lanes][-1]"),
    "pairs of neighbours summed": ("numerics", "lanes[i] + lanes[i + width]", "lanes[2 * i] + lanes[2 * i + 1]"),
    "sums in f64": ("numerics", "lanes = [f32(lanes[i] + lanes[i + width]) for i in range(width)]", "lanes = [lanes[i] + lanes[i + width] for i in range(width)]"),
    "fma rounded twice": ("numerics", "bits += 1 if (error > 0) == (total > 0) else -1", "bits += 0"),
    "chains unfused": ("numerics", "start = fma(a, b, start)", "start = f32(start + f32(a * b))"),
    "cosine normalised in f32": ("numerics", "return [f32(x / total ** 0.5) for x in vector]", "return [f32(x / f32(total ** 0.5)) for x in vector]"),
    "cosine: norm summed in f32": ("numerics", "total += x * x", "total = f32(total + f32(x * x))"),
    "subnormals flushed": ("numerics", 'return struct.unpack("<f", struct.pack("<f", x))[0]', 'return struct.unpack("<f", struct.pack("<f", x if abs(x) >= 2 ** -126 else 0.0))[0]'),
    "-0 ranked as +0": ("numerics", "key = struct.unpack(\"<i\", struct.pack(\"<f\", score))[0]", "key = struct.unpack(\"<i\", struct.pack(\"<f\", score + 0.0))[0]"),
    "halves rounded up": ("numerics", "return round(x)", "return math.floor(x + 0.5)"),
    "halves rounded down": ("numerics", "return round(x)", "return math.ceil(x - 0.5)"),
    "nearest integer truncated": ("numerics", "return round(x)", "return int(x)"),
    # Byte matrices.
    "levels: product not rounded": ("numerics", "nearest(f32(f32(v - low) * inverse))", "nearest(f32(v - low) * inverse)"),
    "levels: difference not rounded": ("numerics", "nearest(f32(f32(v - low) * inverse))", "nearest(f32((v - low) * inverse))"),
    "levels: divided by the step": ("numerics", "nearest(f32(f32(v - low) * inverse))", "nearest(f32(f32(v - low) / f32(spread / 127)))"),
    "step as 1 / inverse": ("numerics", "low, f32(spread / 127)", "low, f32(1 / inverse)"),
    "levels to 255": ("numerics", "inverse = f32(127 / spread)", "inverse = f32(255 / spread)"),
    "product with a matrix unfused": ("segment", "result.append(fma(f32(scale * step), f32(total), fma(low, scaled_sum, bias)))", "result.append(f32(f32(f32(scale * step) * f32(total)) + fma(low, scaled_sum, bias)))"),
    "low and sum unfused": ("segment", "fma(low, scaled_sum, bias)))", "f32(f32(low * scaled_sum) + bias)))"),
    "scale and step not rounded": ("segment", "fma(f32(scale * step), f32(total)", "fma(scale * step, f32(total)"),
    "integer sum not rounded": ("segment", "fma(f32(scale * step), f32(total)", "fma(f32(scale * step), float(total)"),
    # The tree.
    "equal leaves: larger number first": ("tree", "key=lambda leaf: (-order_key(routing[leaf]), leaf))", "key=lambda leaf: (-order_key(routing[leaf]), -leaf))"),
    "leaves of one fewer rows suffice": ("tree", "live >= k:", "live >= k - 1:"),
    "excluded rows counted as live": ("tree", "live += sum(row not in excluded for row in range(first, first + count))", "live += count"),
    "leaves never added": ("tree", "if len(chosen) >= leaves_to_search and live >= k:", "if len(chosen) >= leaves_to_search:"),
    "l2: query not counted from the origin": ("tree", "relative = [f32(q - o) for q, o in zip(query, origin)]", "relative = list(query)"),
    "l2: constant not halved": ("tree", "constants = {leaf: f32(0.5 * constant)", "constants = {leaf: f32(1.0 * constant)"),
    "bias factor without the origin": ("tree", 'share = exact_score("dot", query, origin)', "share = 0.0"),
    "bias factor always 1": ("tree", "return {leaf: f32(share + constant) for leaf, constant in constants.items()}", "return {leaf: 1.0 for leaf in constants}"),
    "projection: signs forgotten in a round": ("tree", "z = [f32(z[j] * signs[r * d + j]) for j in range(d)]", "z = [f32(z[j] * signs[j]) for j in range(d)]"),
    "projection: always the first values": ("tree", "start = 0 if r % 2 == 0 else d - m", "start = 0"),
    "projection: factor not rounded": ("tree", "factor = f32(1 / m ** 0.5)", "factor = 1 / m ** 0.5"),
    "table: one step for each subspace": ("tree", "widest = max(widest, f32(max(entries) - low))", "widest = f32(max(entries) - low)"),
    "table: range not rounded": ("tree", "f32(max(entries) - low))", "max(entries) - low)"),
    "table: differences not rounded": ("tree", "table.append([f32(entry - low) for entry in entries])", "table.append([entry - low for entry in entries])"),
    "table: product not rounded": ("tree", "nearest(f32(entry * inverse))", "nearest(entry * inverse)"),
    "table: halves rounded up": ("tree", "nearest(f32(entry * inverse))", "int(f32(entry * inverse) + 0.5)"),
    "table: offset summed in f64": ("tree", "offset = f32(offset + low)", "offset = offset + low"),
    "estimate: scale unfused": ("tree", "fma(scale, fma(step, float(total), offset), rest)", "f32(f32(scale * fma(step, float(total), offset)) + rest)"),
    "estimate: step unfused": ("tree", "fma(step, float(total), offset)", "f32(f32(step * total) + offset)"),
    "estimate: bias unfused": ("tree", "rest = fma(-factor, struct.unpack_from(\"<f\", block, scales + 64 + 4 * i)[0], constant)", "rest = f32(constant - f32(factor * struct.unpack_from(\"<f\", block, scales + 64 + 4 * i)[0]))"),
    "nibbles exchanged": ("tree", "table[2 * p][code & 15] + table[2 * p + 1][code >> 4]", "table[2 * p][code >> 4] + table[2 * p + 1][code & 15]"),
    "k where 2k is meant": ("tree", "k = 2 * k if segment.twice else k", "k = k"),
    "reorder below k": ("tree", "keep = max(reorder, k)", "keep = reorder"),
    "no radii": ("tree", 'if segment.metric != "dot" or', "if True or"),
    "radii though all slots are kept": ("tree", "<= keep:", "<= 0:"),
    "a bound that equals the threshold ends the leaf": ("tree", ">= threshold:", "> threshold:"),
    "bound unrounded": ("tree", "f32(constants[leaf] + f32(length * radii[first + end])) >=", "constants[leaf] + length * radii[first + end] >="),
    "bound fused": ("tree", "f32(constants[leaf] + f32(length * radii[first + end])) >=", "fma(length, radii[first + end], constants[leaf]) >="),
    "length not rounded": ("tree", 'length = f32(math.sqrt(exact_score("dot", query, query)))', 'length = math.sqrt(exact_score("dot", query, query))'),
    "threshold of one more": ("tree", "threshold = scores[k - 1] if len(scores) >= k", "threshold = scores[k] if len(scores) > k"),
    "threshold of all that are kept": ("tree", "threshold = scores[k - 1] if len(scores) >= k", "threshold = scores[keep - 1] if len(scores) >= keep"),
    "a block that fails does not end its leaf": ("tree", "found += scan(leaf, range(1, end))", "found += scan(leaf, [b for b in range(1, blocks[leaf]) if f32(constants[leaf] + f32(length * radii[first + b])) >= threshold][0:])"),
    "equal estimates: larger slot first": ("tree", "found.sort(key=lambda hit: (-order_key(hit[1]), hit[0]))", "found.sort(key=lambda hit: (-order_key(hit[1]), -hit[0]))"),
    "rows of slots counted twice": ("tree", "kept = list(dict.fromkeys(row_of(number) for number, _ in found[:keep]))", "kept = list(dict.fromkeys(row_of(number) for number, _ in found))[:keep]"),
    "excluded slots are kept": ("tree", "if row_of(number) not in excluded]", "if True or row_of(number) not in excluded]"),
    "leaves ranked by the query as it is": ("tree", "ranking = projected if segment.ranks_projected else relative", "ranking = relative"),
    "leaves ranked by its first dimensions": ("tree", "ranking = projected if segment.ranks_projected else relative", "ranking = relative[:len(projected)] if segment.ranks_projected else relative"),
    "leaves always ranked by the projection": ("tree", "ranking = projected if segment.ranks_projected else relative", "ranking = projected"),
    "threshold of fewer than k: the least": ("tree", "if len(scores) >= k else -math.inf", "if len(scores) >= k else scores[-1]"),
    "table: the step of a range without an inverse": ("tree", "step = f32(widest / 127) if usable else 0.0", "step = f32(widest / 127)"),
    # Knobs that a search does not name.
    "knobs: the largest k that is not above": ("database", "stored[min(other for other in stored if other >= wanted)]", "stored[max((other for other in stored if other <= wanted), default=min(stored))]"),
    "knobs: the next k, though its own is stored": ("database", "if other >= wanted)]", "if other > wanted or other == largest)]"),
    "knobs: those of the default k for all": ("database", "stored[min(other for other in stored if other >= wanted)]", 'stored[int(self.settings["default_k"])]'),
    "knobs: the largest k as it is": ("database", "(-(-knob * wanted // largest) for knob in stored[largest])", "stored[largest]"),
    "knobs: rounded down": ("database", "(-(-knob * wanted // largest) for", "(knob * wanted // largest for"),
    "knobs: leaves in proportion alone": ("database", "(-(-knob * wanted // largest) for knob in stored[largest])", "(-(-stored[largest][0] * wanted // largest), stored[largest][1])"),
    "knobs: reorder in proportion alone": ("database", "(-(-knob * wanted // largest) for knob in stored[largest])", "(stored[largest][0], -(-stored[largest][1] * wanted // largest))"),
    "knobs: in proportion to k": ("database", "(-(-knob * wanted // largest) for", "(-(-knob * k // largest) for"),
    "knobs: a line counts over the defaults": ("database", 'if "default_k" in self.settings:', 'if int(self.settings["default_k"]) not in stored:'),
    "knobs: the defaults are no setting": ("database", 'if "default_k" in self.settings:', "if False:"),
    "knobs: settings of another segment": ("database", "if lines[0] != s.uuid.hex():", "if not lines[0]:"),
    "knobs: exclusions do not count": ("database", "min(k, s.rows) * max(1, s.rows // max(1, live))", "min(k, s.rows)"),
    "knobs: what exclusions leave, rounded up": ("database", "max(1, s.rows // max(1, live))", "-(-s.rows // max(1, live))"),
    "knobs: one is named, the other of the stored k": ("database", "if leaves_to_search is None and reorder is None else (None, None)", "if leaves_to_search is None or reorder is None else (None, None)"),
    "knobs: never direct": ("database", "is_direct = live < s.rows and", "is_direct = False and"),
    "knobs: direct without exclusions": ("database", "is_direct = live < s.rows and", "is_direct ="),
    "knobs: direct rows cost as those in order": ("database", "(48 + stride + stride // 2)", "(48 + stride)"),
    "knobs: direct costs nothing in itself": ("database", "and 16000 + live *", "and live *"),
    "knobs: never exact": ("database", "is_exact = wanted > largest and", "is_exact = False and"),
    "knobs: exact below the largest k": ("database", "is_exact = wanted > largest and", "is_exact ="),
    "knobs: exact rows cost as scattered ones": ("database", "s.rows * (48 + stride) <", "s.rows * (48 + stride + stride // 2) <"),
    "cost: columns of rows, not of what ranks": ("database", "columns = s.projected if s.ranks_projected else s.dimensions", "columns = s.dimensions"),
    "cost: columns not halved": ("database", "s.leaf_count * columns // 2", "s.leaf_count * columns"),
    "cost: leaves for nothing": ("database", "+ 320 * searched", "+ 0 * searched"),
    "cost: codes for nothing": ("database", "+ s.slots * searched // max(1, s.leaf_count) * s.block_bytes // 32", "+ 0"),
    "cost: a block for each slot": ("database", "* s.block_bytes // 32", "* s.block_bytes"),
    "cost: exact scores for their bytes": ("database", "scored * (480 + stride)", "scored * stride"),
    "cost: leaves and rows beyond all": ("database", "searched, scored = min(leaves, s.leaf_count), min(reorder, s.rows)", "searched, scored = leaves, reorder"),
    "knobs: a search of everything goes by the tree": ("database", "or (searched, scored) == (s.leaf_count, s.rows):", "or False:"),
    # Hits, ids and documents.
    "the first copy of an excluded id alone": ("database", "for ordinal in self.ordinals(id)}", "for ordinal in self.ordinals(id)[:1]}"),
    "equal scores: larger ordinal first": ("database", "hits.sort(key=lambda hit: (-order_key(hit[1]), hit[0]))", "hits.sort(key=lambda hit: (-order_key(hit[1]), -hit[0]))"),
    "equal scores by row": ("database", "hits.sort(key=lambda hit: (-order_key(hit[1]), hit[0]))", "hits.sort(key=lambda hit: -order_key(hit[1]))"),
    "matches may not overlap": ("database", "out.append(out[-offset])", "out.append(out[len(out) - offset] if offset >= count else 32)"),
    "no extended lengths": ("database", "if byte != 255:", "if True:"),
    "no dictionary": ("database", "out, i = bytearray(dictionary), 0", "out, i = bytearray(len(dictionary)), 0"),
}

# What no file can show, and why: changing such a line changes no result.
EQUIVALENT = {
    "levels not bounded above": (
        "numerics", "max(0, min(127, nearest(f32(f32(v - low) * inverse))))", "max(0, nearest(f32(f32(v - low) * inverse)))",
        "(v - low)·inverse is at most 127 and three roundings, which is nearest to 127"),
    "levels not bounded below": (
        "numerics", "max(0, min(127, nearest(f32(f32(v - low) * inverse))))", "min(127, nearest(f32(f32(v - low) * inverse)))",
        "no value is below the smallest"),
    "table not bounded": (
        "tree", "min(127, nearest(f32(entry * inverse)))", "nearest(f32(entry * inverse))", "as for levels"),
    "levels: the step of a range without an inverse": (
        "numerics", "return [0] * len(vector), low, 0.0", "return [0] * len(vector), low, f32(spread / 127)",
        "all levels are 0 then, and so is the sum that a finite step is multiplied by"),
    "knobs: the best of what is left not bounded by all rows": (
        "database", "wanted = min(s.rows, min(k, s.rows) * max(1, s.rows // max(1, live)))",
        "wanted = min(k, s.rows) * max(1, s.rows // max(1, live))",
        "k·⌊n / m⌋ is above n only where k is above m, and then leaves are added until all m rows are candidates"),
    "a distance is negated, not taken from 0": (
        "database", "0.0 - score if s.metric", "-score if s.metric",
        "the inside score of l2 is -0 or less, never +0, and both make +0 of -0"),
}


def changed(module, old, new):
    """The text of a module with the one place changed."""
    text = (READER / f"{module}.py").read_text()
    if text.count(old) != 1:
        raise SystemExit(f"{module}.py holds {text.count(old)} times: {old}")
    return text.replace(old, new)


def noticed(mutant):
    """The first place whose golden files notice; None where none does."""
    module, old, new = mutant[:3]
    with tempfile.TemporaryDirectory() as place:
        copy = pathlib.Path(place) / "reader"
        shutil.copytree(READER, copy, ignore=shutil.ignore_patterns("__pycache__"))
        (copy / f"{module}.py").write_text(changed(module, old, new))
        environment = {**os.environ, "PYTHONPATH": place, "PYTHONSAFEPATH": "1", "PYTHONDONTWRITEBYTECODE": "1"}
        # What database.py does otherwise shows where searches name no knobs.
        for golden in sorted(PLACES, key=lambda place: module == "database" and place != "settings"):
            command = [sys.executable, "-m", "reader", "check", str(GOLDEN / golden)]
            if subprocess.run(command, env=environment, cwd=place, capture_output=True, check=False).returncode:
                return golden
    return None


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--quick", action="store_true", help="a fixed choice of them; of the others, that the line is there")
    parser.add_argument("--verbose", action="store_true", help="say where each mutant is noticed")
    parser.add_argument("name", nargs="*")
    arguments = parser.parse_args()
    chosen = {name: mutant for name, mutant in MUTANTS.items()
              if not arguments.name or any(word in name for word in arguments.name)}
    alike = {} if arguments.name else EQUIVALENT
    for module, old, new, *_ in [*chosen.values(), *alike.values()]:
        changed(module, old, new)
    if arguments.quick:
        chosen, alike = (dict(list(some.items())[::QUICK_STEP]) for some in (chosen, alike))
    with ThreadPoolExecutor(arguments.threads) as pool:
        places = dict(zip(chosen, pool.map(noticed, chosen.values())))
        wrong = [name for name, place in zip(alike, pool.map(noticed, alike.values())) if place]
    for name, place in places.items():
        if place is None:
            print(f"survives: {name}")
        elif arguments.verbose:
            print(f"{place}: {name}")
    survivors = sum(place is None for place in places.values())
    for name in alike:
        print(f"not equivalent: {name}" if name in wrong else f"equivalent: {name}: {EQUIVALENT[name][3]}")
    print(f"{len(places)} mutants, {survivors} survive; {len(alike)} are equivalent")
    return 1 if survivors or wrong else 0


if __name__ == "__main__":
    sys.exit(main())
