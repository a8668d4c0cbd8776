"""The table of operations that must survive a crash. A new command of vecdb is one more entry in `operations()`."""

import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from experiment.errors import HarnessError, Violation
from experiment.report import Section

from .shim import Call
from .world import State, World

# Of what the command under test takes from the system at random.
SEED = 1

Commands = Callable[[World, Path], list[str]]


@dataclass(frozen=True)
class Operation:
    """A command, and the database that it meets."""

    name: str
    # Fills an empty directory with what the command finds.
    prepare: Callable[[World, Path], None]
    words: Commands


@dataclass(frozen=True)
class Prepared:
    """An operation, what it finds (copied for every experiment), and the states before and after it."""

    operation: Operation
    origin: Path
    before: State
    after: State
    # What it does when nothing is in its way, and the directory where it did.
    calls: list[Call]
    recorded_at: str

    @property
    def name(self) -> str:
        return self.operation.name

    def copy(self, world: World) -> Path:
        return world.copy(self.origin, self.name)

    def words(self, world: World, place: Path) -> list[str]:
        return self.operation.words(world, place)

    def run(self, world: World, place: Path, **settings: object) -> "subprocess.CompletedProcess[str]":
        """The command, as it was recorded: with `settings` that change nothing it makes the same calls and the same bytes."""
        return world.run(self.words(world, place), root=place, seed=SEED, **settings)

    def observe(self, world: World, place: Path, section: Section, circumstances: str = "") -> State:
        """What readers find; Violation when it is neither the old state nor the new one."""
        found = world.observe(place, section, circumstances)
        if found not in (self.before, self.after):
            raise Violation(f"found {found}, expected {self.before} or {self.after}")
        return found


def operations() -> list[Operation]:
    """Every operation; names are what `--only` takes."""
    replace, build = _build("b"), _build("a")
    return [
        Operation("fresh-build", lambda world, place: None, build),
        Operation("overwrite", _built("a"), replace),
        Operation("fresh-build-after-crash", _crashed(None, build, at_final_rename), build),
        Operation("overwrite-after-crash-writing", _crashed("a", replace, _at_segment_header), replace),
        Operation("overwrite-after-crash-staging", _crashed("a", replace, at_segment_sync), replace),
        Operation("overwrite-after-crash-committing", _crashed("a", replace, at_commit), replace),
        Operation("overwrite-after-crash-collecting", _crashed("a", replace, _at_garbage), _build("c")),
        Operation("tune", _built("a"), _tune),
        Operation("query-after-crash-committing", _crashed("a", replace, at_commit), _query),
    ]


def prepare(world: World, operation: Operation) -> Prepared:
    """The operation, ready to be tried: once for all parts of a run."""
    return world.remembered(f"prepared {operation.name}", lambda: _prepared(world, operation))


def _prepared(world: World, operation: Operation) -> Prepared:
    """Makes what the operation meets, and finds out what it does when nothing is in its way."""
    origin = world.new_place(f"origin-{operation.name}")
    operation.prepare(world, origin)
    place = world.copy(origin, "before")
    before = world.observe(place)
    world.discard(place)
    place = world.copy(origin, "after")
    calls = world.recorded(operation.words(world, place), place, seed=SEED)
    after = world.observe(place)
    world.discard(place)
    if not any(call.number for call in calls):
        raise HarnessError(f"{operation.name}: no call was recorded; is the library preloaded?")
    return Prepared(operation, origin, before, after, calls, str(place))


def _build(name: str) -> Commands:
    return lambda world, place: world.build(place, name)


def _tune(world: World, place: Path) -> list[str]:
    return world.tune(place)


def _query(world: World, place: Path) -> list[str]:
    return world.query(place)


def _built(name: str) -> Callable[[World, Path], None]:
    def make(world: World, place: Path) -> None:
        world.succeed(world.build(place, name))

    return make


def _crashed(
    base: str | None, words: Commands, moment: Callable[[list[Call]], Call]
) -> Callable[[World, Path], None]:
    """What a command leaves that is killed at a moment."""

    def make(world: World, place: Path) -> None:
        if base:
            world.succeed(world.build(place, base))
        trial = world.copy(place, "trial")
        call = moment(world.recorded(words(world, trial), trial))
        world.discard(trial)
        outcome = world.run(words(world, place), root=place, at=call.number, action="kill")
        if outcome.returncode != -9:
            raise HarnessError(f"the preparing command was to be killed at {call}, but ended with {outcome.returncode}")

    return make


def at_final_rename(calls: list[Call]) -> Call:
    return next(call for call in calls if call.kind == "rename")


def _at_segment_header(calls: list[Call]) -> Call:
    """The last write to the new segment: what a kill before it leaves is no segment."""
    return [call for call in calls if call.kind == "write" and call.name == "segment"][-1]


def at_segment_sync(calls: list[Call]) -> Call:
    return next(call for call in calls if call.kind == "sync" and call.name == "segment")


def _at_garbage(calls: list[Call]) -> Call:
    """The first removal of a replaced segment: the new generation stands."""
    return next(call for call in calls if call.kind == "unlink" and call.name == "segment")


def at_commit(calls: list[Call]) -> Call:
    """The removal of the journal that publishes: everything is written, and rolled back by whoever comes next."""
    end = _at_garbage(calls).number
    return [call for call in calls if call.number < end and is_commit(call)][-1]


def is_commit(call: Call) -> bool:
    return call.kind == "unlink" and call.name == "catalog.sqlite-journal"
