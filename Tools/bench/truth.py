"""Exact nearest neighbours by brute force: what recall is counted against."""

import numpy as np

BLOCK_ROWS = 16_384
SPARE = 28


def exact_neighbours(base: np.ndarray, queries: np.ndarray, metric: str, count: int) -> np.ndarray:
    """Ordinals of the `count` nearest rows of every query, nearest first, equal ones by smaller ordinal.

    A float32 pass over blocks of rows keeps a few more than asked for; float64 then decides their order.
    """
    kept = min(count + SPARE, len(base))
    queries32 = _prepared(queries, metric, np.float32)
    ordinals = np.empty((len(queries), 0), np.int64)
    scores = np.empty((len(queries), 0), np.float32)
    for first in range(0, len(base), BLOCK_ROWS):
        block = _prepared(base[first : first + BLOCK_ROWS], metric, np.float32)
        found = queries32 @ block.T
        if metric == "l2":
            found -= np.einsum("rd,rd->r", block, block) / 2
        ordinals, scores = _merge(ordinals, scores, found, first, kept)
    return np.stack(
        [_ordered(base, query, metric, best)[:count] for query, best in zip(queries, ordinals, strict=True)]
    )


def _merge(
    ordinals: np.ndarray, scores: np.ndarray, found: np.ndarray, first: int, kept: int
) -> tuple[np.ndarray, np.ndarray]:
    """The best `kept` of what was kept before and a block's scores, for every query; of equal ones the first."""
    if scores.shape[1] < kept:
        columns = np.broadcast_to(np.arange(first, first + found.shape[1]), found.shape)
        ordinals, scores = np.concatenate([ordinals, columns], axis=1), np.concatenate([scores, found], axis=1)
        best = np.argsort(-scores, axis=1, kind="stable")[:, :kept]
        return np.take_along_axis(ordinals, best, 1), np.take_along_axis(scores, best, 1)
    improves = found > scores[:, -1:]
    for query in np.flatnonzero(improves.any(axis=1)):
        columns = np.flatnonzero(improves[query])
        together = np.concatenate([scores[query], found[query, columns]])
        best = np.argsort(-together, kind="stable")[:kept]
        ordinals[query] = np.concatenate([ordinals[query], columns + first])[best]
        scores[query] = together[best]
    return ordinals, scores


def _ordered(base: np.ndarray, query: np.ndarray, metric: str, ordinals: np.ndarray) -> np.ndarray:
    rows = _prepared(base[np.sort(ordinals)], metric, np.float64)
    wanted = _prepared(query[None], metric, np.float64)[0]
    scores = -np.sum((rows - wanted) ** 2, axis=1) if metric == "l2" else rows @ wanted
    return np.sort(ordinals)[np.argsort(-scores, kind="stable")]


def _prepared(vectors: np.ndarray, metric: str, dtype: type) -> np.ndarray:
    vectors = vectors.astype(dtype)
    if metric == "cosine":
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors
