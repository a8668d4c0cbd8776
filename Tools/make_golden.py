#!/usr/bin/env python3
"""Makes the golden databases below Formats/golden/ (Python 3.9, standard library).

    make_golden.py VECDB DIRECTORY        # the vecdb executable; a new one, named like a version below: Formats/golden/v1.1

Inputs of versions are small integers from a seeded generator, so that every exact score is an exact integer and every reader gets the
same bits. Expected answers of exact searches, and of searches that leave nothing out, are computed here by definition; the
tool refuses to write when vecdb disagrees. Those of narrow searches are vecdb's own: that the independent reader finds the
same is the check. Golden files of a released version are never made again: a directory that exists is refused, and
SHA256SUMS in it says what every file is.
"""
import hashlib
import json
import pathlib
import random
import shutil
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from experiment.inputs import write_npy  # noqa: E402
from reader.golden import check  # noqa: E402
from reader.numerics import f32  # noqa: E402

# version: name: rows, dimensions, metric, options of build, extras
V1 = {
    "dot-exact-0": (0, 3, "dot", ["--index", "exact"], {}),
    "dot-exact-1": (1, 3, "dot", ["--index", "exact"], {}),
    "dot-exact-255": (255, 17, "dot", ["--index", "exact"], {"ids": True, "metadata": True}),
    "l2-exact-256": (256, 1, "l2", ["--index", "exact"], {}),
    "cosine-exact-257": (257, 3, "cosine", ["--index", "exact"], {}),
    "dot-tree-0": (0, 3, "dot", ["--index", "tree-ah"], {}),
    "dot-tree-1": (1, 3, "dot", ["--index", "tree-ah"], {}),
    "dot-tree-255": (255, 17, "dot", ["--index", "tree-ah", "--leaves", "9"], {"ids": True, "queries": True}),
    "dot-tree-256-bf16": (256, 33, "dot", ["--index", "tree-ah", "--reorder-storage", "bf16"], {}),
    "dot-tree-257-int8": (257, 17, "dot", ["--index", "tree-ah", "--reorder-storage", "int8"], {"metadata": True}),
    "dot-tree-257-allow": (257, 3, "dot", ["--index", "tree-ah", "--duplicate-ids", "allow"], {"ids": "repeated"}),
    "dot-tree-257-keep-last": (257, 3, "dot", ["--index", "tree-ah", "--duplicate-ids", "keep-last"], {"ids": "repeated"}),
    "dot-tree-256-pca": (256, 33, "dot", ["--index", "tree-ah", "--projection", "pca:9", "--dimensions-per-block", "2"], {}),
    "dot-tree-900-lengths": (900, 5, "dot", ["--index", "tree-ah", "--leaves", "4"], {"lengths": True}),
    "cosine-tree-1": (1, 1, "cosine", ["--index", "tree-ah"], {}),
    "cosine-tree-256": (256, 17, "cosine", ["--index", "tree-ah"], {"ids": True}),
    "cosine-tree-257-random": (257, 33, "cosine", ["--index", "tree-ah", "--projection", "random"], {}),
    "l2-tree-1": (1, 33, "l2", ["--index", "tree-ah"], {}),
    "l2-tree-255-u8": (255, 33, "l2", ["--index", "tree-ah"], {"type": "u8"}),
    "l2-tree-256-i8": (256, 17, "l2", ["--index", "tree-ah"], {"type": "i8"}),
    "l2-tree-257": (257, 17, "l2", ["--index", "tree-ah", "--dimensions-per-block", "4"], {"metadata": True}),
    "l2-tree-257-int8": (257, 3, "l2", ["--index", "tree-ah", "--reorder-storage", "int8"], {}),
    "l2-tree-255-structured": (255, 370, "l2", ["--index", "tree-ah", "--projection", "random", "--leaves", "4"], {}),
}
V1_1 = {
    "dot-tree-900-soar": (900, 5, "dot", ["--index", "tree-ah", "--leaves", "9", "--soar"], {"lengths": True, "ids": True}),
    "cosine-tree-257-soar": (257, 17, "cosine", ["--index", "tree-ah", "--soar", "--anisotropic-threshold", "0.5"], {}),
    "l2-tree-257-soar": (257, 17, "l2", ["--index", "tree-ah", "--leaves", "7", "--soar"], {"type": "u8"}),
    "dot-tree-256-anisotropic": (256, 33, "dot", ["--index", "tree-ah", "--anisotropic-threshold", "0.4"], {}),
}
# Values that are no small integers: every rounding, tie and zero shows.
EDGES = {
    "dot-tree-300-floats": (300, 9, "dot", ["--index", "tree-ah", "--leaves", "3", "--dimensions-per-block", "2"],
                            {"values": "floats", "lengths": True, "ids": True, "metadata": "long"}),
    "dot-tree-300-floats-soar": (300, 6, "dot", ["--index", "tree-ah", "--leaves", "6", "--soar"],
                                 {"values": "floats", "lengths": True}),
    "cosine-tree-200-floats": (200, 11, "cosine", ["--index", "tree-ah", "--leaves", "5", "--projection", "pca:6"],
                               {"values": "floats"}),
    "l2-tree-200-floats": (200, 11, "l2", ["--index", "tree-ah", "--leaves", "5", "--dimensions-per-block", "3"],
                           {"values": "floats"}),
    "dot-tree-99-zeros": (99, 16, "dot", ["--index", "tree-ah", "--leaves", "4"], {"values": "tiny"}),
    "dot-tree-16-wide": (16, 1100, "dot", ["--index", "tree-ah", "--leaves", "2", "--dimensions-per-block", "4"],
                         {"values": "signs"}),
    "l2-tree-12-structured": (12, 600, "l2", ["--index", "tree-ah", "--leaves", "2", "--projection", "random",
                                              "--dimensions-per-block", "8"], {"values": "floats"}),
    "dot-exact-40-fused": (40, 17, "dot", ["--index", "exact"], {"values": "fused"}),
}
VERSIONS = {"v1": V1, "v1.1": V1_1, "edges": EDGES}


def values(generator, form, rows, dimensions):
    """Rows of one form: integers are in `make`."""
    def row(number):
        if form == "signs":
            return [1 - number % 2 * 2] * (dimensions - 1) + [number]
        if form == "fused":  # with 1 + 2⁻¹² the last product lies half-way, and the first one says to which side it falls
            return [(1 - number % 2 * 2) * 2.0 ** -80] + [0] * (dimensions - 2) + [1 + (2 * number + 1) * 2.0 ** -12]
        scale = 0 if form == "tiny" and number % 3 == 2 else 1e-30 if form == "tiny" else 1
        return [f32(scale * generator.gauss(0, 1)) for _ in range(dimensions)]

    return [row(number) for number in range(rows)]


def document(number, form):
    genres = ["Drama"] * (number % 3)
    if form == "long":
        genres += [f"{'na' * (150 * (number % 5))} batman {number}", "-" * (7 * (number % 40))]
    return {"title": f"Film {number}", "year": 1900 + number % 120, "genres": genres}


def run(arguments):
    done = subprocess.run(arguments, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(map(str, arguments))}: {done.stderr}")
    return done.stdout


def definition(vectors, ids, metric, query, k, exclude):
    """The k nearest by exact integers: dot and l2 over f32, u8 and i8 storage."""
    score = {"dot": lambda v: sum(a * b for a, b in zip(query, v)),
             "l2": lambda v: -sum((a - b) ** 2 for a, b in zip(query, v))}[metric]
    ranked = sorted((-score(v), ordinal) for ordinal, v in enumerate(vectors) if v and ids[ordinal] not in exclude)
    return [{"id": ids[ordinal], "score": abs(s) if metric == "l2" else -s} for s, ordinal in ranked[:k]]


def make(vecdb, place, name, case):
    rows, dimensions, metric, options, extras = case
    generator = random.Random(name)
    low, high, kind = {"u8": (0, 255, "|u1"), "i8": (-128, 127, "|i1")}.get(extras.get("type"), (-8, 8, "<f4"))
    form = extras.get("values")
    vectors = values(generator, form, rows, dimensions) if form else \
        [[generator.randint(low, high) for _ in range(dimensions)] for _ in range(rows)]
    if extras.get("lengths"):  # few long vectors, so that block radii leave blocks out
        vectors = [[x * (12 if i % 40 == 0 else 1) for x in v] for i, v in enumerate(vectors)]
    if metric == "cosine":
        vectors = [v if any(v) else [1] * dimensions for v in vectors]
    folder = place / name
    shutil.rmtree(folder, ignore_errors=True)
    work = place / ".work"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    folder.mkdir(parents=True)
    write_npy(work / "v.npy", vectors, dimensions, kind)
    command = [vecdb, "build", folder / "database.vecdb", "--vectors", work / "v.npy", "--metric", metric, "--seed", "7",
               "--progress", "never", *options]
    ids = [str(ordinal) for ordinal in range(rows)]
    if extras.get("ids"):
        ids = ["" if i == 3 else f"Žluťoučký kůň {i}" if i % 50 == 0 else f"movie {i}" for i in range(rows)]
        if extras["ids"] == "repeated":
            ids = [f"movie {i % 200}" for i in range(rows)]
        (work / "ids.txt").write_text("".join(id + "\n" for id in ids))
        command += ["--ids", work / "ids.txt"]
    if extras.get("metadata"):
        (work / "m.ndjson").write_text("".join(
            json.dumps(document(i, extras["metadata"])) + "\n" for i in range(rows)))
        command += ["--metadata", work / "m.ndjson"]
    queries = [[generator.randint(-8, 8) for _ in range(dimensions)] for _ in range(5)]
    if form:
        queries = values(generator, "floats", 3, dimensions) + [vectors[7]]
        queries += [[1] + [0] * (dimensions - 2) + [1 + 2.0 ** -12]] if form == "fused" else []
        queries += [[0] * dimensions] if metric == "dot" else []
        queries += [[f32(1e10 * x) for x in vectors[4]]] if form == "tiny" else []
    queries = [q if any(q) or form else [1] * dimensions for q in queries]
    if extras.get("queries"):
        write_npy(work / "q.npy", queries, dimensions)
        (work / "q.txt").write_text("".join(f"user {i}\n" for i in range(len(queries))))
        command += ["--query-vectors", work / "q.npy", "--query-ids", work / "q.txt"]
    run(command)
    if "keep-last" in options:
        last = {id: ordinal for ordinal, id in enumerate(ids)}
        vectors = [v if last[ids[i]] == i else None for i, v in enumerate(vectors)]

    answers = []
    everything = {"leaves_to_search": 100000, "reorder": 100000}
    for number, query in enumerate(queries):
        excluded = ids[number:number + 4] if rows > 10 else []
        for settings in ({"k": 10, "exact": True}, {"k": 7, **everything}, {"k": 5, "leaves_to_search": 3, "reorder": 12},
                         {"k": 10, "leaves_to_search": 1, "reorder": 10, "exclude": excluded}):
            asked = {"query_id": f"user {number}"} if extras.get("queries") else {"vector": query}
            answers.append(answer(vecdb, folder, asked, settings))
            hits = answers[-1]["hits"]
            is_full = settings.get("exact") or "exclude" not in settings and settings.get("reorder") == 100000
            is_integral = metric != "cosine" and "int8" not in options and not form
            if is_full and is_integral:
                want = definition(vectors, ids, metric, query, settings["k"], settings.get("exclude", []))
                if hits != want:
                    sys.exit(f"{name}: vecdb answers {hits}, by definition it is {want}")
    write_answers(folder, answers)
    shutil.rmtree(work)
    (folder / "database.vecdb" / "lock").write_bytes(bytes(256))


def answer(vecdb, folder, asked, options):
    """What vecdb answers to a question, in the form of `expected.json`. `asked` has a vector or the id of a stored query."""
    words = ["-k", options["k"]] + (["--exact"] if options.get("exact") else [])
    for key, option in (("leaves_to_search", "--leaves-to-search"), ("reorder", "--reorder")):
        words += [option, options[key]] if key in options else []
    for id in options.get("exclude", []):
        words += ["--exclude", id]
    source = ["--vector", json.dumps(asked["vector"])] if "vector" in asked else ["--query-id", asked["query_id"]]
    line = run([vecdb, "query", folder / "database.vecdb", *source, "--format", "ndjson", *map(str, words)])
    hits = [{"id": hit["id"], "score": hit["score"]} for hit in json.loads(line)["hits"]]
    return {**asked, "options": options, "hits": hits}


def write_answers(folder, answers):
    lines = ",\n".join(json.dumps(answer, ensure_ascii=False) for answer in answers)
    (folder / "expected.json").write_text("{\"queries\": [\n" + lines + "\n]}\n")


def arguments(usage):
    """The vecdb executable, and a directory that does not exist."""
    if len(sys.argv) != 3:
        sys.exit(usage)
    vecdb, place = pathlib.Path(sys.argv[1]).resolve(), pathlib.Path(sys.argv[2])
    if place.exists():
        sys.exit(f"{place} exists; golden files are never made again")
    return vecdb, place


def sums(place):
    """What every file below a directory is, for its SHA256SUMS."""
    files = sorted(path for path in place.rglob("*") if path.is_file())
    return "".join(f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.relative_to(place)}\n" for path in files)


def main():
    vecdb, place = arguments(__doc__)
    if place.name not in VERSIONS:
        sys.exit(f"{place.name} is none of the versions {', '.join(VERSIONS)}")
    place.mkdir(parents=True)
    for name, case in VERSIONS[place.name].items():
        make(vecdb, place, name, case)
    status = check(place)
    (place / "SHA256SUMS").write_text(sums(place))
    sys.exit(status)


if __name__ == "__main__":
    main()
