"""The tutorial's large catalogue: every candidate, and noisy copies of all of them, whose id is the empty string."""

import time
from collections.abc import Callable
from typing import Any

import numpy as np
from bench.datasets import noisy_copies

from .accuracy import table, top_k_accuracy
from .frameworks import HAS_SCANN, factorized_top_k, tf
from .reference import Export

RECALL_AT = 10
DEEPEST_ACCURACY = 100
BRUTE_FORCE_ROWS = 100  # queries at a time: their scores with 1.7 million candidates fill 670 MB
TIMED_SINGLE_QUERIES = 200
PASSES = 3
# The tutorial's three settings of the ScaNN layer.
SETTINGS = (
    {"num_leaves": 100, "num_leaves_to_search": 10, "num_reordering_candidates": 100},
    {"num_leaves": 1000, "num_leaves_to_search": 100, "num_reordering_candidates": 1000},
    {"num_leaves": 1000, "num_leaves_to_search": 70, "num_reordering_candidates": 400},
)


class Remembered:
    """A layer's answers to all queries, with ids instead of rows; a copy's id is the empty string.

    Many held-out pairs have the same query, so FactorizedTopK asks this instead of searching again for each.
    """

    def __init__(self, layer: Any, queries: np.ndarray, ids: tf.Tensor, batch_rows: int) -> None:
        scores, rows = _search(layer, queries, DEEPEST_ACCURACY, batch_rows)
        self._scores, self._ids = tf.constant(scores), tf.gather(ids, np.minimum(rows, len(ids) - 1))
        self._row_of = {query.tobytes(): row for row, query in enumerate(queries)}
        self._exact = layer.is_exact()

    def __call__(self, queries: tf.Tensor, k: int) -> tuple[tf.Tensor, tf.Tensor]:
        rows = [self._row_of[query.tobytes()] for query in queries.numpy()]
        return tf.gather(self._scores, rows)[:, :k], tf.gather(self._ids, rows)[:, :k]

    def is_exact(self) -> bool:
        return self._exact


def measure(export: Export, copies: int, progress: Callable[[str], None]) -> dict[str, Any]:
    """Brute force over the enlarged catalogue, and the ScaNN layer where it is installed, against it."""
    catalogue = tf.constant(np.concatenate(list(noisy_copies(export.candidates, copies))))
    ids = tf.constant([*export.candidate_ids, ""])
    progress(f"{len(catalogue):,} candidates: brute force")
    exact = factorized_top_k.BruteForce().index(catalogue)
    true_rows = _search(exact, export.queries, RECALL_AT, BRUTE_FORCE_ROWS)[1]
    layers = {"brute force": _figures(exact, ids, export, true_rows, BRUTE_FORCE_ROWS)}
    if HAS_SCANN:
        for setting in SETTINGS:
            name = "/".join(str(value) for value in setting.values())
            progress(f"ScaNN {name}")
            started = time.perf_counter()
            layer = factorized_top_k.ScaNN(k=RECALL_AT, **setting).index(catalogue)
            built = {**setting, "build_seconds": round(time.perf_counter() - started, 2)}
            layers[f"ScaNN {name}"] = built | _figures(layer, ids, export, true_rows, len(export.queries))
    else:
        progress("ScaNN is not installed and left out")
    print(_speed_table(layers))
    print(table({name: figures["top_k_categorical_accuracy"] for name, figures in layers.items()}))
    return {"copies": copies, "candidates": len(catalogue), "layers": layers, "true_rows": true_rows.tolist()}


def _figures(layer: Any, ids: tf.Tensor, export: Export, true_rows: np.ndarray, batch_rows: int) -> dict[str, Any]:
    """A layer's recall, times and accuracy; `batch_rows` queries at a time where they come in batches."""
    batch = tf.constant(export.queries[:batch_rows])
    layer(batch, k=RECALL_AT)
    seconds = min(_seconds(lambda: layer(batch, k=RECALL_AT)) for _ in range(PASSES))
    timed = TIMED_SINGLE_QUERIES if not layer.is_exact() else TIMED_SINGLE_QUERIES // 10
    singles = [tf.constant(query[None]) for query in export.queries[:timed]]
    layer(singles[0], k=RECALL_AT)
    single_seconds = [_seconds(lambda query=query: layer(query, k=RECALL_AT)) for query in singles]
    found = _search(layer, export.queries, RECALL_AT, batch_rows)[1]
    remembered = Remembered(layer, export.queries, ids, batch_rows)
    texts = np.array(ids.numpy(), dtype=object)
    pairs = export.queries[export.pair_queries], export.candidates[export.pair_candidates], export.pair_ids
    return {
        "recall_at_10": _recall(true_rows, found),
        "recall_at_10_by_title": _recall(*(texts[np.minimum(rows, len(ids) - 1)] for rows in (true_rows, found))),
        "single_query_microseconds": round(float(np.median(single_seconds)) * 1e6, 1),
        "batch_queries": len(batch),
        "batch_microseconds_per_query": round(seconds / len(batch) * 1e6, 1),
        "top_k_categorical_accuracy": top_k_accuracy(remembered, *pairs, DEEPEST_ACCURACY),
    }


def _search(layer: Any, queries: np.ndarray, k: int, batch_rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Scores and rows of every query's first k, [queries, k] each."""
    parts = [layer(tf.constant(queries[at : at + batch_rows]), k=k) for at in range(0, len(queries), batch_rows)]
    return np.concatenate([part[0].numpy() for part in parts]), np.concatenate([part[1].numpy() for part in parts])


def _recall(truth: np.ndarray, found: np.ndarray) -> float:
    """As the tutorial counts it: distinct answers in common over k. Titles of copies are all one answer."""
    common = [len(set(one) & set(other)) / len(one) for one, other in zip(truth.tolist(), found.tolist(), strict=True)]
    return float(np.mean(common))


def _seconds(work: Callable[[], Any]) -> float:
    started = time.perf_counter()
    work()[1].numpy()
    return time.perf_counter() - started


def _speed_table(layers: dict[str, dict[str, Any]]) -> str:
    lines = [f"{'enlarged catalogue':<24}{'recall@10':>11}{'by title':>10}{'one query, µs':>15}{'in a batch, µs':>16}"]
    for name, figures in layers.items():
        lines.append(
            f"{name:<24}{figures['recall_at_10']:>11.4f}{figures['recall_at_10_by_title']:>10.4f}"
            f"{figures['single_query_microseconds']:>15,.0f}{figures['batch_microseconds_per_query']:>16,.0f}"
        )
    return "\n".join(lines)
