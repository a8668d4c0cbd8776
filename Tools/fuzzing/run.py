"""What the command does: runs, the short form, minimising."""

import argparse
import shutil
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from . import log
from .corpus import CORPUS, FILE_BYTE_LIMIT, inputs, replace
from .process import WORK, Outcome, fuzz
from .seeds import make_seeds
from .self_test import self_test

# Of each target's corpus in the short form; by what an execution costs.
REPLAYED_MUTATIONS = {"segment": 9_000, "catalog": 500}
REPLAYED_MUTATIONS_OTHERWISE = 10_000
# A search is compiled once for each instruction set; a CPU without one of them takes its best.
INSTRUCTION_SETS = {"segment": ("avx512", "avx2", "scalar")}
# What was found is written to the log, and read by others that look into the same target, this often.
SLICE_SECONDS = 600
# Larger inputs find nothing that small ones do not, and take longer.
LONGEST_INPUTS = {"segment": 24_000}
LONGEST_INPUT_OTHERWISE = 4_096


@dataclass(frozen=True)
class Task:
    """A target, and its share of what was asked for."""

    target: str
    # Empty where there is nothing to choose.
    instruction_set: str
    share: float


def run(arguments: argparse.Namespace) -> int:
    """The exit status: 1 when something crashed, or a planted fault was not noticed."""
    if arguments.seeds:
        print(f"{make_seeds()} seeds")
        return 0
    if arguments.total:
        log.print_totals()
        return 0
    if arguments.input:
        outcome = fuzz(arguments.targets[0], corpora=(arguments.input.resolve(),), explains=True)
        print(outcome.output, end="")
        return 1 if outcome.crash else 0
    if arguments.minimise:
        for target in arguments.targets:
            _minimise(target)
        return 0
    failures = 0
    if not arguments.self_test or arguments.replay:
        failures += _run_targets(arguments)
    if arguments.self_test or arguments.replay:
        failures += self_test()
    if not arguments.replay and not arguments.self_test:
        log.print_totals()
    return 1 if failures else 0


def _run_targets(arguments: argparse.Namespace) -> int:
    """How many targets crashed."""
    work = _replay if arguments.replay else _explore
    # With more processes than targets, several look into the same one.
    tasks = _tasks(arguments.targets) * max(1, arguments.jobs // len(arguments.targets))
    with ThreadPoolExecutor(arguments.jobs) as pool:
        return sum(pool.map(lambda task: work(task, arguments), tasks))


def _tasks(targets: list[str]) -> list[Task]:
    tasks = []
    for target in targets:
        sets = INSTRUCTION_SETS.get(target, ("",))
        tasks += [Task(target, instruction_set, 1 / len(sets)) for instruction_set in sets]
    return tasks


def _explore(task: Task, arguments: argparse.Namespace) -> int:
    """Slice after slice: each begins with all that is known, and keeps what it finds beside the build.

    Ends with the first crash, of which it returns the number.
    """
    found = WORK / "found" / task.target
    found.mkdir(parents=True, exist_ok=True)
    executions = round((arguments.executions or 0) * task.share)
    seconds = (arguments.seconds or 60) * task.share
    ends = time.monotonic() + seconds
    while True:
        slice_seconds = SLICE_SECONDS if executions else max(1, min(SLICE_SECONDS, round(ends - time.monotonic())))
        limits = [f"-max_total_time={slice_seconds}"] + ([f"-runs={executions}"] if executions else [])
        options = (*limits, f"-seed={arguments.seed}", _longest(task.target), "-reload=60")
        corpora = (found, CORPUS / task.target)
        outcome = fuzz(task.target, *options, corpora=corpora, instruction_set=task.instruction_set)
        log.append(task.target, outcome)
        _report(task, outcome)
        if outcome.failed or outcome.was_ended:
            return int(outcome.failed)
        if arguments.executions:
            executions -= outcome.executions
        if executions <= 0 if arguments.executions else time.monotonic() + 1 > ends:
            return 0


def _replay(task: Task, arguments: argparse.Namespace) -> int:
    """Every committed input once, then always the same mutations. Returns the number of crashes."""
    committed = CORPUS / task.target
    mutations = round(task.share * REPLAYED_MUTATIONS.get(task.target, REPLAYED_MUTATIONS_OTHERWISE))
    with tempfile.TemporaryDirectory() as found:
        options = (f"-runs={len(inputs(committed)) + mutations}", "-seed=1", _longest(task.target))
        outcome = fuzz(task.target, *options, corpora=(Path(found), committed), instruction_set=task.instruction_set)
    _report(task, outcome)
    return int(outcome.failed)


def _minimise(target: str) -> None:
    """Leaves in the committed corpus the fewest inputs that cover what all known ones cover."""
    merged = WORK / "minimised" / target
    shutil.rmtree(merged, ignore_errors=True)
    merged.mkdir(parents=True)
    found, committed = WORK / "found" / target, CORPUS / target
    sources = tuple(path for path in (committed, found) if path.is_dir())
    outcome = fuzz(target, "-set_cover_merge=1", _longest(target), corpora=(merged, *sources))
    if outcome.crash:
        print(f"{target}: {outcome.crash}\n{outcome.output[-2000:]}", file=sys.stderr)
        return
    replace(committed, merged)
    kept = inputs(committed)
    print(f"{target:<12} {len(kept):>6} inputs, {sum(path.stat().st_size for path in kept):>10,} bytes", flush=True)


def _longest(target: str) -> str:
    return f"-max_len={min(FILE_BYTE_LIMIT, LONGEST_INPUTS.get(target, LONGEST_INPUT_OTHERWISE))}"


def _report(task: Task, outcome: Outcome) -> None:
    rate = outcome.executions / max(outcome.seconds, 0.001)
    print(
        f"{task.target:<12}{task.instruction_set:<7}{outcome.executions:>12,} executions in "
        f"{outcome.seconds:>7.1f} s ({rate:>9,.0f}/s), {outcome.edges:,} edges, {outcome.inputs:,} inputs",
        flush=True,
    )
    if outcome.failed:
        print(f"  CRASH: {outcome.crash or 'executed nothing'}\n  input: {outcome.artifact}", flush=True)
        print("  again: " + f"Tools/fuzz {task.target} --input {outcome.artifact}", flush=True)
        print("\n".join("    " + line for line in outcome.output.splitlines()[-60:]), file=sys.stderr, flush=True)
