"""`Tools/tutorial`: TFRS' tutorial "Efficient serving" with vecdb, each step beside TFRS on the same embeddings."""

import argparse
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from bench.datasets import noisy_copies

from . import enlarged, reference, tutorial_page
from .arguments import WORK
from .errors import TrainerError
from .export import write_export
from .frameworks import versions

# Leaves, leaves searched, candidates reordered, as in the tutorial.
SETTINGS = tuple(tuple(setting.values()) for setting in enlarged.SETTINGS)
SWEEP = "leaves-to-search=2,4,8,12,16,24,32,48,64,96;reorder=10,20,30,50,100"
# TFRS multiplies and adds in another order than vecdb does.
SCORE_TOLERANCE = 2e-6


class Vecdb:
    """The command, run as a user would; a failure ends the tutorial with the command's own message."""

    def __init__(self, executable: Path) -> None:
        if not executable.exists():
            raise TrainerError(f"{executable}: is not there; build it with 'swift build -c release'")
        self._executable = executable

    def text(self, *words: Any) -> str:
        command = [str(self._executable), *map(str, words)]
        print("$ vecdb " + " ".join(command[1:]), file=sys.stderr, flush=True)
        finished = subprocess.run(command, capture_output=True, text=True, check=False)
        if finished.returncode != 0:
            raise TrainerError(f"'{' '.join(command)}' ended with {finished.returncode}: {finished.stderr.strip()}")
        return finished.stdout

    def json(self, *words: Any) -> Any:
        return json.loads(self.text(*words, "--json"))

    def lines(self, *words: Any) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.text(*words, "--format", "ndjson").splitlines()]


def run(arguments: argparse.Namespace) -> int:
    vecdb = Vecdb(arguments.vecdb)
    folder = arguments.export or _trained(arguments)
    export = reference.read(folder)
    out = arguments.out
    out.mkdir(parents=True, exist_ok=True)
    work = WORK / "tutorial"
    work.mkdir(parents=True, exist_ok=True)
    story = {
        "model": json.loads((folder / "manifest.json").read_text())["model"],
        "versions": versions() | {"vecdb": vecdb.text("--version").strip()},
        "candidates": len(export.candidates),
        "queries": len(export.queries),
        "pairs": len(export.pair_queries),
        "exact": exact_answers(vecdb, export, work),
        "accuracy": accuracy(vecdb, export, work),
        "exclusions": exclusions(vecdb, export, work),
        "enlarged": large_catalogue(vecdb, export, arguments.copies, work, out),
        "moved": moved(vecdb, export, work),
    }
    (out / "tutorial.json").write_text(json.dumps(story, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    page = tutorial_page.page(story)
    (out / "README.md").write_text(page, encoding="utf-8")
    print(page)
    print(f"wrote {out}/README.md, tutorial.json and frontier.svg", file=sys.stderr)
    return 0


def _trained(arguments: argparse.Namespace) -> Path:
    from . import download, movielens
    from .training import train_and_export

    target = WORK / "tutorial-export"
    folder = arguments.data or download.fetch(arguments.download, WORK / "data")
    train_and_export(movielens.read(folder), target, seed=42, epochs=3, overwrite=True)
    return target


def exact_answers(vecdb: Vecdb, export: reference.Export, work: Path) -> dict[str, Any]:
    """TFRS' BruteForce against vecdb's: streamed from the export, and from a database."""
    database = work / "movies.vecdb"
    vecdb.text("build", database, "--from", export.folder, "--overwrite", "--progress", "never")
    queries = ("--queries", export.folder / "queries.npy", "-k", 100)
    streamed = vecdb.text("query", "--from", export.folder, *queries, "--format", "ndjson")
    stored = vecdb.text("query", database, *queries, "--exact", "--format", "ndjson")
    expected = reference.answers(export, 100)["queries"]
    same_ids, largest_error = 0, 0.0
    for line, truth in zip(map(json.loads, stored.splitlines()), expected, strict=True):
        scores = np.array([hit["score"] for hit in line["hits"]])
        error = np.abs(scores - np.array(truth["scores"])) / np.maximum(1, np.abs(scores))
        largest_error = max(largest_error, float(error.max()))
        same_ids += [hit["id"] for hit in line["hits"]] == truth["ids"]
    if largest_error > SCORE_TOLERANCE:
        raise TrainerError(f"scores differ from BruteForce's by {largest_error:.2e}, more than {SCORE_TOLERANCE:.0e}")
    return {"queries": len(expected), "same_order": same_ids, "largest_error": largest_error, "streamed_is_stored": streamed == stored}


def accuracy(vecdb: Vecdb, export: reference.Export, work: Path) -> dict[str, Any]:
    """FactorizedTopK over the held-out pairs, in both of TFRS' modes."""
    pairs = export.folder / "test.tsv"
    row = vecdb.json("eval", work / "movies.vecdb", "--labels", pairs, "--exact")[0]
    ks = [str(k) for k in row["top_k"]]
    return {
        "TFRS": reference.accuracies(export),
        "vecdb": {
            "by id": dict(zip(ks, row["accuracy_by_id"], strict=True)),
            "by score": dict(zip(ks, row["accuracy_by_score"], strict=True)),
        },
    }


def exclusions(vecdb: Vecdb, export: reference.Export, work: Path) -> dict[str, Any]:
    """What a user has seen is left out, scores stay what they are, and too few candidates give fewer hits."""
    database, user = work / "movies.vecdb", export.query_ids[0]
    everything = vecdb.lines("query", database, f"--query-id={user}", "-k", len(export.candidates))[0]["hits"]
    seen = list(dict.fromkeys(hit["id"] for hit in everything))[:3]
    flags = [word for title in seen for word in ("--exclude", title)]
    rest = vecdb.lines("query", database, f"--query-id={user}", "-k", 10, *flags)[0]["hits"]
    expected = [hit for hit in everything if hit["id"] not in seen][:10]
    few = work / "excluded.txt"
    kept = {hit["id"] for hit in everything[-2:]}
    few.write_text("".join(f"{title}\n" for title in dict.fromkeys(export.candidate_ids) if title not in kept))
    left = vecdb.lines("query", database, f"--query-id={user}", "-k", 10, "--exclude-file", few)[0]["hits"]
    return {
        "user": user,
        "excluded": seen,
        "scores_unchanged": [(hit["id"], hit["score"]) for hit in rest] == [(hit["id"], hit["score"]) for hit in expected],
        "hits_when_few_are_left": len(left),
        "only_those_left": {hit["id"] for hit in left} == kept,
    }


def large_catalogue(vecdb: Vecdb, export: reference.Export, copies: int, work: Path, out: Path) -> dict[str, Any]:
    """The tutorial's three settings on the catalogue with its copies, whose id is the empty string."""
    folder = work / "enlarged-export"

    def batches() -> Iterator[np.ndarray]:
        return iter(noisy_copies(export.candidates, copies))

    count = len(export.candidates) * (copies + 1)
    ids = (export.candidate_ids[row] if row < len(export.candidates) else "" for row in range(count))
    write_export(
        folder, batches(), ids=ids, query_vectors=export.queries, query_ids=export.query_ids,
        test_pairs=((export.query_ids[q], export.candidate_ids[c])
                    for q, c in zip(export.pair_queries, export.pair_candidates, strict=True)),
        duplicate_ids="allow", overwrite=True,
    )  # fmt: skip
    peers = enlarged.measure(export, copies, lambda text: print(text, file=sys.stderr, flush=True))
    rows: dict[str, Any] = {}
    builds: dict[str, Any] = {}
    for leaves in [*dict.fromkeys(setting[0] for setting in SETTINGS), None]:
        database = work / (f"leaves-{leaves}.vecdb" if leaves else "default.vecdb")
        options = ("--leaves", leaves) if leaves else ()
        built = vecdb.json("build", database, "--from", folder, "--overwrite", "--progress", "never", *options)
        builds[database.stem] = {"leaves": built["leaves"], "seconds": built["total_seconds"]}
        for setting in SETTINGS:
            if setting[0] == leaves:
                sweep = f"leaves-to-search={setting[1]};reorder={setting[2]}"
                rows["/".join(map(str, setting))] = vecdb.json("eval", database, "--sweep", sweep)[0]
    database = work / "default.vecdb"
    rows["defaults"] = vecdb.json("eval", database)[0]
    rows["brute force"] = vecdb.json("eval", database, "--exact", "--passes", 1)[0]
    vecdb.text("eval", database, "--sweep", SWEEP, "--plot", out / "frontier.svg")
    labels = vecdb.json("eval", database, "--labels", folder / "test.tsv")
    tuned = vecdb.json("tune", database, "--target-recall", 0.99)
    found = vecdb.lines("query", database, "--queries", export.folder / "queries.npy", "--exact", "-k", 10)
    scores = np.array([[hit["score"] for hit in line["hits"]] for line in found])
    catalogue = np.concatenate(list(batches()))
    truth = np.array([catalogue[rows] @ query for rows, query in zip(peers.pop("true_rows"), export.queries, strict=True)])
    return {
        "candidates": count, "copies": copies, "peers": peers["layers"], "vecdb": rows, "builds": builds,
        "labels": labels, "tuned": tuned,
        "largest_error_of_exact_scores": float((np.abs(scores - truth) / np.maximum(1, np.abs(truth))).max()),
    }  # fmt: skip


def moved(vecdb: Vecdb, export: reference.Export, work: Path) -> dict[str, Any]:
    """A copy elsewhere, without the right to write, answers every query with the same bytes."""
    copy = work / "elsewhere" / "copy.vecdb"
    shutil.rmtree(copy.parent, ignore_errors=True)
    shutil.copytree(work / "default.vecdb", copy)
    for path in [*copy.iterdir(), copy]:
        path.chmod(path.stat().st_mode & ~0o222)
    words = ("--queries", export.folder / "queries.npy", "--with-metadata", "--format", "ndjson")
    answers = [vecdb.text("query", database, *words) for database in (work / "default.vecdb", copy)]
    copy.chmod(0o755)
    return {"queries": len(export.queries), "identical": answers[0] == answers[1]}
