"""Several processes at one database, paused at bad moments."""

import argparse
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from experiment.errors import HarnessError, Violation
from experiment.report import Section, sections_of
from experiment.world import TIMEOUT_SECONDS

from . import shim
from .operations import at_commit, at_final_rename, at_segment_sync
from .shim import Call
from .soak import soak
from .world import State, World


@dataclass(frozen=True)
class Scenario:
    """Something that several processes do; `unlocked` takes a lock away, as preloaded/preloaded.h has it."""

    name: str
    play: Callable[[World, str], None]


def scenarios() -> list[Scenario]:
    return [
        Scenario("second-writer-waits", _second_writer_waits),
        Scenario("two-fresh-builds", _two_fresh_builds),
        Scenario("reader-keeps-its-snapshot", _reader_keeps_its_snapshot),
        Scenario("reader-at-a-commit", _reader_at_a_commit),
    ]


def run_processes(world: World, arguments: argparse.Namespace) -> list[Section]:
    def playing(scenario: Scenario) -> Callable[[World, Section], None]:
        return lambda world, _: scenario.play(world, "")

    plays = {scenario.name: playing(scenario) for scenario in scenarios()}
    plays["soak"] = lambda world, section: soak(world, section, arguments.seconds, arguments.seed)
    return sections_of("processes", plays, world, arguments)


def _second_writer_waits(world: World, unlocked: str) -> None:
    """The second waits until its deadline and says who is in its way; the first is not disturbed."""
    place = _built(world)
    with _paused(world, place, world.build(place, "b"), at_segment_sync, unlocked) as first:
        started = time.monotonic()
        second = world.run(world.build(place, "c", "--lock-timeout", "1"), root=place, unlocked=unlocked)
        waited = time.monotonic() - started
        if second.returncode != 6:
            raise Violation(f"the second writer ended with {second.returncode}, expected 6: {second.stderr.strip()}")
        if f"pid {first.pid} on " not in second.stderr:
            raise Violation(f"the second writer does not name the process {first.pid}: {second.stderr.strip()}")
        if waited < 1:
            raise Violation(f"the second writer gave up after {waited:.2f} s, before its deadline of 1 s")
        _go_on(first, 0)
    _expect(world, place, "b", generation=2)
    world.discard(place)


def _two_fresh_builds(world: World, unlocked: str) -> None:
    """The first to be complete wins, the other says so; neither takes the other's unfinished files away."""
    place = world.new_place("processes")
    with _paused(world, place, world.build(place, "a"), _before_rename, unlocked) as first:
        second = world.run(world.build(place, "b"), root=place, unlocked=unlocked)
        if second.returncode != 0:
            raise Violation(f"the second build ended with {second.returncode}: {second.stderr.strip()}")
        error = _go_on(first, 1)
        if "somebody else" not in error:
            raise Violation(f"the first build does not say that another was faster: {error}")
    _expect(world, place, "b", generation=1)
    world.discard(place)


def _reader_keeps_its_snapshot(world: World, unlocked: str) -> None:
    """A reader that has pinned a segment gets its ids and documents, although it is replaced; then they go."""
    place = _built(world)
    with _paused(world, place, world.query(place), _at_pin, unlocked) as reader:
        world.succeed(world.build(place, "b"), root=place, unlocked=unlocked)
        if not any("was replaced" in note for note in world.verify(place)):
            raise Violation("the replaced segment did not stay for its reader")
        os.kill(reader.pid, signal.SIGCONT)
        answers, error = reader.communicate(timeout=TIMEOUT_SECONDS)
        if reader.returncode != 0 or answers != world.answers_of("a"):
            raise Violation(f"the reader ended with {reader.returncode} and not with the old answers: {error.strip()}")
    world.check_next_writer(place, State(None, 2))
    world.discard(place)


def _reader_at_a_commit(world: World, unlocked: str) -> None:
    """A reader that meets half a commit waits for the rest, and takes its journal for nobody's leftover."""
    place = _built(world)
    with _paused(world, place, world.build(place, "b"), _before_commit, unlocked) as writer:
        environment = shim.environment(world.shim, place, unlocked=unlocked)
        reader = world.start([str(world.vecdb), *world.query(place)], env=environment)
        try:
            time.sleep(0.3)
            _go_on(writer, 0)
            answers, error = reader.communicate(timeout=TIMEOUT_SECONDS)
        finally:
            reader.kill()
        if reader.returncode != 0 or answers not in (world.answers_of("a"), world.answers_of("b")):
            raise Violation(f"the reader ended with {reader.returncode}, and with neither answer: {error.strip()}")
    _expect(world, place, "b", generation=2)
    world.discard(place)


def _at_pin(calls: list[Call]) -> Call:
    return next(call for call in calls if call.kind == "flock" and call.name == "segment")


def _before_rename(calls: list[Call]) -> Call:
    """The last call before a new database gets its name."""
    return calls[calls.index(at_final_rename(calls)) - 1]


def _before_commit(calls: list[Call]) -> Call:
    """The last sync of the catalog before the journal goes: SQLite holds its exclusive lock."""
    end = at_commit(calls).number
    return [call for call in calls if call.number < end and call.kind == "sync" and call.name == "catalog.sqlite"][-1]


# Helpers


def _built(world: World) -> Path:
    place = world.new_place("processes")
    world.succeed(world.build(place, "a"))
    return place


def _expect(world: World, place: Path, name: str, generation: int) -> None:
    """The database holds input `name`, and nothing else is there."""
    found = world.observe(place)
    expected = State(world.answers_of(name), generation)
    if found != expected:
        raise Violation(f"found {found}, expected {expected}")
    world.check_clean(place)


@contextmanager
def _paused(
    world: World, place: Path, words: list[str], moment: Callable[[list[Call]], Call], unlocked: str
) -> Iterator[subprocess.Popen[str]]:
    """A process that has stopped right after the call at `moment`."""
    trial = world.copy(place, "trial")
    there, here = str(trial), str(place)
    call = moment(world.recorded([word.replace(here, there) for word in words], trial))
    world.discard(trial)
    environment = shim.environment(world.shim, place, at=call.number, action="stop", unlocked=unlocked)
    process = world.start([str(world.vecdb), *words], env=environment)
    try:
        deadline = time.monotonic() + TIMEOUT_SECONDS
        while Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()[0] != "T":
            if process.poll() is not None or time.monotonic() > deadline:
                raise HarnessError(f"vecdb {words[0]} was to stop at {call} and did not")
            time.sleep(0.005)
        yield process
    finally:
        process.kill()
        process.communicate()


def _go_on(process: subprocess.Popen[str], status: int) -> str:
    """Lets a paused process run to its end, which must be `status`; its standard error."""
    os.kill(process.pid, signal.SIGCONT)
    _, error = process.communicate(timeout=TIMEOUT_SECONDS)
    if process.returncode != status:
        raise Violation(f"the paused process ended with {process.returncode}, expected {status}: {error.strip()}")
    return error
