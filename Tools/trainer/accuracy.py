"""TFRS' FactorizedTopK: how often a held-out candidate is among a query's first k."""

from typing import Any

import numpy as np

from .frameworks import tf, tfrs

KS = (1, 5, 10, 50, 100)


def top_k_accuracy(
    layer: Any,
    queries: np.ndarray,
    positives: np.ndarray,
    positive_ids: np.ndarray | None,
    candidate_count: int,
    batch_rows: int = 1_000,
) -> dict[str, float]:
    """Shares by k of the pairs (`queries[i]`, `positives[i]`) whose candidate `layer` returns among the first k.

    - layer: one of TFRS' top-k layers with an index of `candidate_count` candidates.
    - positives: the held-out candidates' embeddings; with `positive_ids` they are found by id. Without, TFRS counts
      how many of the returned scores exceed the pair's own, so that candidates with the same score share a place.
    """
    ks = [k for k in KS if k <= candidate_count]
    metric = tfrs.metrics.FactorizedTopK(candidates=layer, ks=ks)
    for first in range(0, len(queries), batch_rows):
        part = slice(first, first + batch_rows)
        ids = None if positive_ids is None else tf.constant(positive_ids[part])
        metric.update_state(tf.constant(queries[part]), tf.constant(positives[part]), true_candidate_ids=ids)
    return {str(k): float(share) for k, share in zip(ks, metric.result(), strict=True)}


def table(columns: dict[str, dict[str, float]]) -> str:
    """Accuracies side by side, a line per k."""
    width = max(len(name) for name in columns) + 2
    ks = list(next(iter(columns.values())))
    lines = ["top-k accuracy" + "".join(f"{name:>{width}}" for name in columns)]
    for k in ks:
        lines.append(f"{'top ' + k:<14}" + "".join(f"{shares[k]:>{width}.5f}" for shares in columns.values()))
    return "\n".join(lines)
