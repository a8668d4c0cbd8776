"""What the command does: runs, the short form, minimising."""

import argparse
import shutil
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from . import log
from .corpus import CORPUS, FILE_BYTE_LIMIT, inputs, replace
from .process import WORK, Outcome, fuzz
from .seeds import make_seeds
from .self_test import self_test

# Of each target's corpus in the short form; by what an execution costs.
REPLAYED_MUTATIONS = {"segment": 3_000, "catalog": 500}
REPLAYED_MUTATIONS_OTHERWISE = 10_000
# Larger inputs find nothing that small ones do not, and take longer.
LONGEST_INPUTS = {"segment": 24_000}
LONGEST_INPUT_OTHERWISE = 4_096


def run(arguments: argparse.Namespace) -> int:
    """The exit status: 1 when something crashed, or a planted fault was not noticed."""
    if arguments.seeds:
        print(f"{make_seeds()} seeds")
        return 0
    if arguments.total:
        log.print_totals()
        return 0
    if arguments.input:
        outcome = fuzz(arguments.targets[0], corpora=(arguments.input.resolve(),))
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
    targets = arguments.targets * max(1, arguments.jobs // len(arguments.targets))
    with ThreadPoolExecutor(arguments.jobs) as pool:
        outcomes = list(pool.map(lambda target: work(target, arguments), targets))
    return sum(bool(outcome.crash) for outcome in outcomes)


def _explore(target: str, arguments: argparse.Namespace) -> Outcome:
    """One run: it begins with all that is known, and keeps what it finds beside the build."""
    found = WORK / "found" / target
    found.mkdir(parents=True, exist_ok=True)
    limit = f"-runs={arguments.executions}" if arguments.executions else f"-max_total_time={arguments.seconds or 60}"
    options = (limit, f"-seed={arguments.seed}", _longest(target), "-reload=60")
    outcome = fuzz(target, *options, corpora=(found, CORPUS / target))
    log.append(target, outcome)
    _report(target, outcome)
    return outcome


def _replay(target: str, arguments: argparse.Namespace) -> Outcome:
    """Every committed input once, then always the same mutations."""
    committed = CORPUS / target
    mutations = REPLAYED_MUTATIONS.get(target, REPLAYED_MUTATIONS_OTHERWISE)
    with tempfile.TemporaryDirectory() as found:
        runs = f"-runs={len(inputs(committed)) + mutations}"
        outcome = fuzz(target, runs, "-seed=1", _longest(target), corpora=(Path(found), committed))
    _report(target, outcome)
    return outcome


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


def _report(target: str, outcome: Outcome) -> None:
    rate = outcome.executions / max(outcome.seconds, 0.001)
    print(
        f"{target:<12}{outcome.executions:>14,} executions in {outcome.seconds:>7.1f} s ({rate:>9,.0f}/s), "
        f"{outcome.edges:,} edges, {outcome.inputs:,} inputs",
        flush=True,
    )
    if outcome.crash:
        print(f"  CRASH: {outcome.crash}\n  input: {outcome.artifact}", flush=True)
        print("  again: " + f"Tools/fuzz {target} --input {outcome.artifact}", flush=True)
        print("\n".join("    " + line for line in outcome.output.splitlines()[-60:]), file=sys.stderr, flush=True)
