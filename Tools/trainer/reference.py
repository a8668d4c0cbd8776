"""`Tools/train reference`: what TFRS itself answers on an export, as figures to compare a database with."""

import argparse
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from .accuracy import table, top_k_accuracy
from .arguments import WORK
from .directory import read_manifest
from .errors import TrainerError
from .export_files import read_lines
from .frameworks import factorized_top_k, tf, versions


@dataclass(frozen=True)
class Export:
    """An export directory's content; `pair_queries[i]` and `pair_candidates[i]` are the rows of a held-out pair."""

    folder: Path
    candidates: np.ndarray
    candidate_ids: list[str]
    queries: np.ndarray
    query_ids: list[str]
    pair_queries: np.ndarray
    pair_candidates: np.ndarray

    @property
    def pair_ids(self) -> np.ndarray:
        return np.array(self.candidate_ids, dtype=object)[self.pair_candidates]


def run(arguments: argparse.Namespace) -> int:
    export = read(arguments.export)
    if arguments.k > len(export.candidates):
        raise TrainerError(f"-k {arguments.k}: the export has {len(export.candidates):,} candidates")
    target = arguments.out or WORK / "reference" / f"{arguments.export.resolve().name}.json"
    target.parent.mkdir(parents=True, exist_ok=True)

    shares = accuracies(export)
    print(f"{len(export.candidates):,} candidates, {len(export.queries):,} queries, ", end="")
    print(f"{len(export.pair_queries):,} held-out pairs")
    print(table(shares))
    result: dict[str, Any] = {
        "export": arguments.export.resolve().name,
        "versions": versions(),
        "top_k_categorical_accuracy": shares,
    }
    if arguments.enlarge is not None:
        from .enlarged import measure

        result["enlarged"] = measure(export, arguments.enlarge, lambda text: print(text, file=sys.stderr, flush=True))
    result["answers"] = answers(export, arguments.k)
    target.write_text(json.dumps(result, ensure_ascii=False) + "\n", encoding="utf-8")
    print(f"wrote {target}")
    return 0


def read(folder: Path) -> Export:
    """The export, checked for what TFRS needs."""
    manifest = read_manifest(folder)
    if manifest["metric"] != "dot":
        raise TrainerError(f"{folder}: TFRS scores by dot product, and this export's metric is {manifest['metric']}")
    for section in ("queries", "test"):
        if section not in manifest:
            raise TrainerError(f"{folder}: the export has no '{section}', which the reference is made with")
    candidates, candidate_ids = _table(folder, manifest["candidates"])
    queries, query_ids = _table(folder, manifest["queries"])
    # A repeated id stands for its first row.
    rows = [{text: row for row, text in reversed(list(enumerate(ids)))} for ids in (query_ids, candidate_ids)]
    path = folder / manifest["test"]["pairs"]
    pairs = []
    for number, line in enumerate(read_lines(path), start=1):
        ids = line.split("\t", 1)
        if len(ids) != 2 or ids[0] not in rows[0] or ids[1] not in rows[1]:
            raise TrainerError(f"{path}, line {number}: expected a known query id, a tab and a known candidate id")
        pairs.append((rows[0][ids[0]], rows[1][ids[1]]))
    numbers = np.array(pairs, dtype=np.int64).reshape(-1, 2)
    return Export(folder, candidates, candidate_ids, queries, query_ids, numbers[:, 0], numbers[:, 1])


def accuracies(export: Export) -> dict[str, dict[str, float]]:
    """FactorizedTopK over brute force, in both ways that TFRS counts."""
    queries, positives = export.queries[export.pair_queries], export.candidates[export.pair_candidates]
    layer = factorized_top_k.BruteForce().index(tf.constant(export.candidates), tf.constant(export.candidate_ids))
    count = len(export.candidates)
    return {
        "by id": top_k_accuracy(layer, queries, positives, export.pair_ids, count),
        "by score": top_k_accuracy(layer, queries, positives, None, count),
    }


def answers(export: Export, k: int) -> dict[str, Any]:
    """Brute force's first k of every query: candidates' rows and ids, scores as the shortest decimals of f32."""
    layer = factorized_top_k.BruteForce().index(tf.constant(export.candidates))
    scores, rows = (part.numpy() for part in layer(tf.constant(export.queries), k=k))
    return {
        "k": k,
        "queries": [
            {
                "id": export.query_ids[number],
                "rows": rows[number].tolist(),
                "ids": [export.candidate_ids[row] for row in rows[number]],
                "scores": [float(str(score)) for score in scores[number]],
            }
            for number in range(len(export.queries))
        ],
    }


def _table(folder: Path, section: dict[str, Any]) -> tuple[np.ndarray, list[str]]:
    path = folder / section["vectors"]
    if path.suffix.lower() != ".npy":
        raise TrainerError(f"{path}: the reference reads .npy files only")
    vectors = np.load(path).astype(np.float32)
    ids = read_lines(folder / section["ids"]) if "ids" in section else [str(row) for row in range(len(vectors))]
    if not len(vectors) == len(ids) == section["count"]:
        raise TrainerError(f"{path}: expected {section['count']:,} rows and ids, found {len(vectors):,} and {len(ids):,}")
    return vectors, ids
