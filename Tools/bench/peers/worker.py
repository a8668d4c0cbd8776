"""The process a peer lives in: a line of JSON in, a line of JSON out, until the input ends."""

import gc
import json
import os
import sys
import time
from collections.abc import Callable
from importlib.metadata import version
from typing import Any, TextIO

import numpy as np

from ..frontier import Point, Setting
from ..memory import anonymous_bytes
from . import load
from .base import Peer

SHORTEST_PASS_NS = 50_000_000
EMPTY_CALLS = 20_000


def main() -> None:
    answers = _take_standard_output()
    try:
        peer = load(sys.argv[1])
    except ImportError as error:
        _say(answers, {"missing": str(error)})
        return
    _say(answers, {"version": version(peer.distribution)})
    worker = Worker(peer)
    for line in sys.stdin:
        request = json.loads(line)
        _say(answers, getattr(worker, request.pop("do"))(**request))


class Worker:
    """Answers requests; their names are the names of its methods."""

    def __init__(self, peer: Peer) -> None:
        self.peer = peer

    def load(self, base: str, queries: str, truth: str, metric: str, leaves: int, k: int) -> dict[str, Any]:
        """Reads the vectors, as float32 and, for cosine, of unit length."""
        self.vectors, self.queries = _vectors(base, metric), _vectors(queries, metric)
        self.truth = np.load(truth)[:, :k]
        self.metric = "dot" if metric == "cosine" else metric
        self.leaves, self.k = leaves, k
        return {"grid": self.peer.grid(leaves)}

    def build(self) -> dict[str, Any]:
        before = anonymous_bytes(os.getpid())
        started = time.perf_counter()
        self.peer.build(self.vectors, self.metric, self.leaves, self.k)
        seconds = time.perf_counter() - started
        return {"seconds": seconds, "before_bytes": before, "after_bytes": anonymous_bytes(os.getpid())}

    def single(self, settings: list[Setting]) -> dict[str, Any]:
        """One query at a time."""
        return {"points": [self._timed(setting).record() for setting in settings]}

    def batch(self, settings: list[Setting]) -> dict[str, Any]:
        """All queries in one call."""
        return {"points": [self._timed_batch(setting).record() for setting in settings]}

    def empty_call(self) -> dict[str, Any]:
        """Median microseconds of searching one row."""
        search, query = self.peer.empty_call(self.queries.shape[1]), self.queries[0]
        _, nanoseconds = _each(search, [query] * EMPTY_CALLS)
        return {"microseconds": float(np.median(nanoseconds)) / 1000}

    def _timed(self, setting: Setting) -> Point:
        """A first pass warms caches up and counts recall; the timed one is long enough for the clock."""
        search = self.peer.single(setting, self.k)
        queries = list(self.queries)
        found, warming = _each(search, queries)
        _, nanoseconds = _each(search, queries * _repetitions(sum(warming)))
        microseconds = np.array(nanoseconds) / 1000
        p50, p99 = np.percentile(microseconds, [50, 99])
        return Point(setting, self._recall(found), float(microseconds.mean()), float(p50), float(p99))

    def _timed_batch(self, setting: Setting) -> Point:
        found, warming = self._clocked_batch(setting)
        repetitions = _repetitions(warming)
        nanoseconds = sum(self._clocked_batch(setting)[1] for _ in range(repetitions))
        microseconds = nanoseconds / repetitions / len(self.queries) / 1000
        return Point(setting, self._recall(list(found)), microseconds, None, None)

    def _clocked_batch(self, setting: Setting) -> tuple[np.ndarray, int]:
        """The answers to all queries, and the call's nanoseconds."""
        started = time.perf_counter_ns()
        found = self.peer.batch(setting, self.queries, self.k)
        return found, time.perf_counter_ns() - started

    def _recall(self, found: list[Any]) -> float:
        hits = sum(len(np.intersect1d(row, best)) for row, best in zip(found, self.truth, strict=True))
        return hits / self.truth.size


def _each(search: Callable[[np.ndarray], Any], queries: list[np.ndarray]) -> tuple[list[Any], list[int]]:
    """Every query's answer and nanoseconds, with the garbage collector out of the way."""
    clock, found, nanoseconds = time.perf_counter_ns, [], []
    gc.disable()
    for query in queries:
        started = clock()
        answer = search(query)
        nanoseconds.append(clock() - started)
        found.append(answer)
    gc.enable()
    return found, nanoseconds


def _repetitions(nanoseconds: int) -> int:
    return max(1, -(-SHORTEST_PASS_NS // max(1, nanoseconds)))


def _vectors(path: str, metric: str) -> np.ndarray:
    vectors = np.load(path).astype(np.float32)
    if metric == "cosine":
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors


def _take_standard_output() -> TextIO:
    """Keeps standard output for answers; what libraries print goes to standard error."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    return answers


def _say(answers: TextIO, message: dict[str, Any]) -> None:
    print(json.dumps(message), file=answers, flush=True)


if __name__ == "__main__":
    main()
