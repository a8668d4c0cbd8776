"""One run: every workload's sections, its results written as soon as it is done."""

import argparse
import json
import sys
import time
from collections.abc import Callable
from typing import Any

from . import growth, machine, sections
from .arguments import ROOT, SECTIONS, WORK
from .errors import BenchmarkError
from .measure import search, search_batches
from .ours import Vecdb
from .peers.client import PeerMissing, PeerProcess
from .report import kinds, markdown, write_summary
from .workloads import COMPARED, Settings, Workload


def run(arguments: argparse.Namespace) -> int:
    """The exit status: 1 when a section of a workload failed."""
    if not arguments.vecdb.is_file():
        raise BenchmarkError(f"{arguments.vecdb}: no such file; build it with 'swift build -c release --product vecdb'")
    arguments.out.mkdir(parents=True, exist_ok=True)
    settings = Settings(data=WORK / "data", export=arguments.export, quick=arguments.quick)
    failed = False
    for name in arguments.workloads:
        started = time.monotonic()
        progress = _progress(name)
        if name == "growth":
            result = _growth(arguments, settings, progress)
        else:
            result = _compared(name, arguments, settings, progress)
        result["machine"] = machine.description(ROOT)
        result["options"] = {
            "quick": arguments.quick,
            "passes": arguments.passes,
            "instruction_set": arguments.instruction_set or "auto",
            "partial": set(arguments.only) != set(SECTIONS),
        }
        result["seconds"] = time.monotonic() - started
        # Other kinds of run have other names, so that none replaces a full one.
        path = arguments.out / ("-".join([name, *kinds(result)]) + ".json")
        path.write_text(json.dumps(result, indent=1) + "\n")
        failed = failed or bool(result.get("failures"))
        print(markdown(result), flush=True)
    write_summary(arguments.out)
    return 1 if failed else 0


def _compared(
    name: str, arguments: argparse.Namespace, settings: Settings, progress: Callable[[str], None]
) -> dict[str, Any]:
    """All sections of a workload that is compared with peers."""
    workload = COMPARED[name](settings, progress)
    ours = _side(workload, arguments)
    peers, left_out = _start(arguments.peers, workload, progress)
    try:
        return _measured(workload, ours, peers, arguments, progress) | {"left_out": left_out}
    finally:
        for peer in peers:
            peer.close()


def _measured(
    workload: Workload,
    ours: Vecdb,
    peers: list[PeerProcess],
    arguments: argparse.Namespace,
    progress: Callable[[str], None],
) -> dict[str, Any]:
    wanted = set(arguments.only)
    sides = [ours, *peers]
    result: dict[str, Any] = {
        "workload": workload.description(),
        "versions": {"vecdb": ours.version(), **{peer.name: peer.version for peer in peers}},
        "failures": {},
    }

    def attempt(section: str, work: Callable[[], Any]) -> None:
        """One section that fails does not take the others with it."""
        if section in wanted:
            try:
                result[section] = work()
            except BenchmarkError as error:
                progress(f"{section} failed: {error}")
                result["failures"][section] = str(error)

    result["build"] = sections.build(ours, peers, "build" in wanted, progress)
    passes = arguments.passes if "search" in wanted else 1
    points: sections.Points = {}
    if wanted & {"search", "batch", "threads", "cold"}:
        points = search(sides, passes, progress)
        result["search"] = _records(points)
        result["at_recall"] = sections.at_targets(points, ours.name)
    result["empty_call_us"] = {peer.name: peer.empty_call_us() for peer in peers}

    def batch() -> dict[str, Any]:
        found = search_batches(sides, points, min(3, passes), progress)
        return {"points": _records(found), "at_recall": sections.at_targets(found, ours.name)}

    attempt("batch", batch)
    attempt("threads", lambda: sections.two_threads(ours, points[ours.name], max(5, passes), progress))
    attempt("opening", lambda: sections.opening(ours, workload, progress))
    attempt("cold", lambda: sections.cold(ours, points[ours.name], progress))
    attempt("exact", lambda: _exact(ours, workload, progress))
    return result


def _exact(ours: Vecdb, workload: Workload, progress: Callable[[str], None]) -> dict[str, Any]:
    flat, _ = _start(["faiss-flat"], workload, progress)
    try:
        return sections.exact(ours, flat[0] if flat else None, workload, progress)
    finally:
        for peer in flat:
            peer.close()


def _growth(arguments: argparse.Namespace, settings: Settings, progress: Callable[[str], None]) -> dict[str, Any]:
    return growth.run(settings, lambda workload: _side(workload, arguments), arguments.passes, progress)


def _side(workload: Workload, arguments: argparse.Namespace) -> Vecdb:
    database = WORK / "databases" / f"{workload.directory.name}.vecdb"
    return Vecdb(arguments.vecdb.resolve(), workload, database, arguments.instruction_set)


def _start(
    names: list[str], workload: Workload, progress: Callable[[str], None]
) -> tuple[list[PeerProcess], dict[str, str]]:
    """The peers that are installed, and why the others are not there."""
    peers, left_out = [], {}
    trees = [(name, leaves) for name in names for leaves in workload.leaf_counts(name)]
    for name, leaves in trees:
        try:
            peers.append(PeerProcess(name, workload, WORK / "logs" / f"{name}-{leaves}.log", leaves))
        except PeerMissing as error:
            progress(f"{name} is left out: {error}")
            left_out[name] = str(error)
    return peers, left_out


def _records(points: sections.Points) -> dict[str, Any]:
    return {name: [point.record() for point in found] for name, found in points.items()}


def _progress(name: str) -> Callable[[str], None]:
    started = time.monotonic()

    def say(text: str) -> None:
        print(f"[{name} {time.monotonic() - started:6.1f} s] {text}", file=sys.stderr, flush=True)

    return say
