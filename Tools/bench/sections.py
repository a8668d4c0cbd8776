"""The measurements of one workload; each returns what goes into its results under the section's name."""

import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from . import datasets, machine
from .frontier import TARGETS, Point, cheapest
from .ours import Vecdb
from .peers.client import PeerProcess
from .workloads import Workload

OUR_BUILDS = 3
PEER_BUILDS = 2
OPENINGS = 5
PROCESSES = 20
EXACT_QUERIES = 100
EXACT_PASSES = 2
MEMORY_PASSES = 7
COLD_QUERIES = 20
TYPICAL_RECALL = 0.95

Points = dict[str, list[Point]]
Progress = Callable[[str], None]


def build(ours: Vecdb, peers: list[PeerProcess], repeat: bool, progress: Progress) -> dict[str, Any]:
    """Builds in turn; the best time of each side, and its most memory."""
    builds: dict[str, list[dict[str, Any]]] = {ours.name: [], **{peer.name: [] for peer in peers}}
    for number in range(OUR_BUILDS if repeat else 1):
        progress(f"build {number + 1}: {ours.name}")
        made = ours.build()
        builds[ours.name].append(
            {
                "seconds": made.seconds,
                "peak_anonymous_bytes": made.peak_anonymous_bytes,
                "peak_resident_bytes": made.peak_resident_bytes,
                "summary": {name: value for name, value in made.summary.items() if name != "database"},
            }
        )
        for peer in peers if number < PEER_BUILDS else []:
            if repeat or number == 0:
                progress(f"build {number + 1}: {peer.name}")
                builds[peer.name].append(peer.build())
    return {
        name: {
            **made[0],
            "seconds": min(one["seconds"] for one in made),
            "all_seconds": [one["seconds"] for one in made],
            "peak_anonymous_bytes": max(one["peak_anonymous_bytes"] for one in made),
        }
        for name, made in builds.items()
    } | {"file_bytes": ours.file_sizes()}


def two_threads(ours: Vecdb, points: list[Point], passes: int, progress: Progress) -> dict[str, Any]:
    """Queries per second of two threads over those of one, single queries and batches, and what the machine itself gives."""
    setting = typical(points).setting
    figures: dict[str, Any] = {"setting": setting}
    for batched in (False, True):
        best = {1: 0.0, 2: 0.0}
        for number in range(1, passes + 1):
            progress(f"two threads{', batch' if batched else ''}, pass {number} of {passes}")
            for threads in best:
                best[threads] = max(best[threads], ours.queries_per_second(setting, batched, threads))
        figures["batch" if batched else "single"] = {
            "one_thread_qps": best[1],
            "two_threads_qps": best[2],
            "scaling": best[2] / best[1],
        }
    figures["arithmetic_scaling"] = machine.scaling_of_arithmetic(rounds=passes)
    return figures


def exact(ours: Vecdb, flat: PeerProcess | None, workload: Workload, progress: Progress) -> dict[str, Any]:
    """Brute force: a query against reading memory, batches against FAISS flat."""
    queries, truth = _first_queries(workload, EXACT_QUERIES)
    single = memory = None
    for _ in range(EXACT_PASSES):
        progress("exact: one query at a time, and memory speed")
        single = _less(single, ours.exact(queries, truth, batch=False, threads=1))
        read = memory_read_us(workload.stored_byte_count)
        memory = read if memory is None else min(memory, read)
    figures: dict[str, Any] = {
        "single": single.record(),
        "memory_read_us": memory,
        "single_over_memory": single.mean_us / memory,
        "bytes": workload.stored_byte_count,
    }
    if flat is not None:
        flat.build()
    for threads in (1, 2):
        mine = theirs = None
        for _ in range(EXACT_PASSES):
            progress(f"exact: batches, {threads} thread{'s' if threads > 1 else ''}")
            mine = _less(mine, ours.exact(workload.queries, workload.truth, batch=True, threads=threads))
            if flat is not None:
                theirs = _less(theirs, flat.run("batch", [{"threads": threads}])[0])
        row: dict[str, Any] = {"vecdb_us": mine.mean_us, "vecdb_recall": mine.recall}
        if theirs is not None:
            row |= {"faiss_flat_us": theirs.mean_us, "ratio": mine.mean_us / theirs.mean_us}
        figures[f"batch_{threads}"] = row
    return figures


def opening(ours: Vecdb, workload: Workload, progress: Progress) -> dict[str, Any]:
    """Opening and the first answer in the library, and whole processes."""
    progress("opening, and whole processes")
    openings = [ours.opening() for _ in range(OPENINGS)]
    queries = np.load(workload.queries)
    seconds = [ours.whole_process_seconds(queries[number % len(queries)]) for number in range(PROCESSES)]
    empty = [ours.empty_process_seconds() for _ in range(PROCESSES)]
    return {
        "open_us": min(one["open_us"] for one in openings),
        "first_answer_us": min(one["first_answer_us"] for one in openings),
        "open_and_first_answer_us": min(one["open_us"] + one["first_answer_us"] for one in openings),
        "resident_growth_bytes": min(one["resident_after_bytes"] - one["resident_before_bytes"] for one in openings),
        "query_process_ms": {"best": 1e3 * min(seconds), "median": 1e3 * median(seconds)},
        "empty_process_ms": {"best": 1e3 * min(empty), "median": 1e3 * median(empty)},
    }


def cold(ours: Vecdb, points: list[Point], progress: Progress) -> dict[str, Any]:
    """Queries that find none of the database's pages in memory."""
    progress("cold cache")
    return ours.cold(typical(points).setting, COLD_QUERIES)


def typical(points: list[Point]) -> Point:
    """The cheapest point at the usual recall, or the one of the most recall when none reaches it."""
    return cheapest(points, TYPICAL_RECALL) or max(points, key=lambda point: point.recall)


def at_targets(points: Points, ours: str) -> list[dict[str, Any]]:
    """At each recall every side's cheapest setting, and how much of the others' time ours takes."""
    rows = []
    for target in TARGETS:
        best = {name: cheapest(found, target) for name, found in points.items()}
        row: dict[str, Any] = {"recall": target, "sides": {n: p.record() if p else None for n, p in best.items()}}
        mine = best[ours]
        row["ratios"] = {
            name: mine.mean_us / point.mean_us for name, point in best.items() if name != ours and point and mine
        }
        if any(best.values()):
            rows.append(row)
    return rows


def memory_read_us(byte_count: int) -> float:
    """Microseconds to read so many bytes of memory once on one thread: the fastest of several."""
    words = np.ones(byte_count // 8, np.uint64)
    best = float("inf")
    for _ in range(MEMORY_PASSES):
        started = time.perf_counter()
        np.bitwise_or.reduce(words)
        best = min(best, time.perf_counter() - started)
    return best * 1e6


def _first_queries(workload: Workload, count: int) -> tuple[Path, Path]:
    """Files of the first queries and their truth."""
    paths = []
    for source, dtype in ((workload.queries, "f4"), (workload.truth, "i8")):
        path = source.with_stem(f"{source.stem}-first-{count}")
        rows = np.load(source)[:count]
        datasets.save_rows(path, iter([rows]), *rows.shape, dtype)
        paths.append(path)
    return paths[0], paths[1]


def _less(before: Point | None, point: Point) -> Point:
    return point if before is None or point.mean_us < before.mean_us else before
