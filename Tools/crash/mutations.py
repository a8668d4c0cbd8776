"""Each sync, lock and ordering step taken away in turn: the harness must notice."""

import argparse
import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import islice

from experiment.errors import Violation
from experiment.report import Section, sections_of

from .operations import Prepared, is_commit, operations, prepare
from .power import Cut, Recording, recording_of
from .processes import Scenario, scenarios
from .shim import Call
from .volume import digest, materialise
from .world import World

Change = Callable[[list[Call]], list[Call]]
TORN_STATES = 12
# Enough for '--quick', which leaves out what takes longest to notice.
QUICK = ("segment-sync", "commit-sync", "garbage-before-commit", "rename-first", "writer-lock")


@dataclass(frozen=True)
class Mutation:
    """A step that a recording is robbed of."""

    name: str
    operation: str
    change: Change
    # How the failure must read, so that it is this step's absence that is noticed.
    symptom: str = ""
    # Whether it must be noticed in what was published, and not in what nobody was to see.
    is_published: bool = False


@dataclass(frozen=True)
class LockMutation:
    """A lock that is granted to everybody."""

    name: str
    scenario: str
    unlocked: str


def recorded_mutations() -> list[Mutation]:
    fresh, overwrite = "fresh-build", "overwrite"
    return [
        Mutation("segment-sync", overwrite, _without(_segment_syncs), "segment-", is_published=True),
        Mutation("segment-sync-after-commit", overwrite, _after_commit(_segment_syncs, _publishing_sync), "segment-", is_published=True),
        Mutation("segment-name-sync", overwrite, _without(_directory_syncs_before_commit), "segment-", is_published=True),
        Mutation("journal-sync", overwrite, _without(_journal_syncs)),
        Mutation("journal-header-sync", overwrite, _without(_journal_header_syncs)),
        Mutation("journal-name-sync", overwrite, _without(_journal_name_syncs)),
        Mutation("catalog-sync", overwrite, _without(_catalog_syncs)),
        Mutation("catalog-sync-after-commit", overwrite, _after_commit(_catalog_syncs)),
        Mutation("commit-sync", overwrite, _without(_commit_syncs), "segment-|durable", is_published=True),
        Mutation("garbage-before-commit", overwrite, _garbage_before_commit, "segment-"),
        Mutation("new-segment-sync", fresh, _without(_segment_syncs), "segment-"),
        Mutation("new-catalog-sync", fresh, _without(_catalog_syncs), "catalog"),
        Mutation("new-lock-sync", fresh, _without(_lock_syncs), "lock"),
        Mutation("new-directory-sync", fresh, _without(_sibling_syncs)),
        Mutation("parent-sync", fresh, _without(_parent_syncs), "durable"),
        Mutation("rename-first", fresh, _rename_first),
    ]


LOCK_MUTATIONS = [
    LockMutation("writer-lock", "second-writer-waits", "flock=lock"),
    LockMutation("sibling-lock", "two-fresh-builds", "flock=lock"),
    LockMutation("segment-pin", "reader-keeps-its-snapshot", "flock=segment"),
    LockMutation("catalog-locks", "reader-at-a-commit", "record-lock"),
]


def run_mutations(world: World, arguments: argparse.Namespace) -> list[Section]:
    """One section for each step; it fails when nothing notices that the step is missing."""
    named = {operation.name: operation for operation in operations()}
    played = {scenario.name: scenario for scenario in scenarios()}

    def replaying(mutation: Mutation) -> Callable[[World, Section], None]:
        return lambda world, section: _expect_notice(
            world, prepare(world, named[mutation.operation]), mutation, section, arguments
        )

    def racing(lock: LockMutation) -> Callable[[World, Section], None]:
        return lambda world, section: _expect_conflict(world, played[lock.scenario], lock, section)

    plays = {mutation.name: replaying(mutation) for mutation in recorded_mutations()}
    plays |= {lock.name: racing(lock) for lock in LOCK_MUTATIONS}
    if arguments.quick and not arguments.only:
        plays = {name: play for name, play in plays.items() if name in QUICK}
    return sections_of("mutations", plays, world, arguments)


def _expect_notice(
    world: World,
    prepared: Prepared,
    mutation: Mutation,
    section: Section,
    arguments: argparse.Namespace,
) -> None:
    recording = recording_of(prepared)
    changed = mutation.change(recording.calls)
    if changed == recording.calls:
        section.fail("its recording", f"{mutation.operation} has no such step any more")
        return
    robbed = replace(recording, calls=changed)
    # Before the missing step nothing can be noticed but what is somebody else's fault.
    first = _difference(recording.calls, changed) + 1
    if mutation.is_published:
        first = max(first, _publishing(changed) + 1)

    def trouble(cut: Cut) -> str | None:
        section.count("states")
        return _trouble(world, prepared, section, robbed, cut)

    with ThreadPoolExecutor(arguments.threads) as pool:
        cuts = _different(robbed, first, arguments.seed)
        while group := list(islice(cuts, arguments.threads)):
            for cut, why in zip(group, pool.map(trouble, group)):
                if why and re.search(mutation.symptom, why):
                    section.figures["noticed at"] = robbed.moment(cut)
                    section.figures["as"] = why[:160]
                    number = changed[cut.prefix - 1].number
                    _expect_none_without(world, prepared, section, recording, number, arguments.seed)
                    return
    section.fail("the end", "nothing noticed that the step is missing")


def _difference(calls: list[Call], changed: list[Call]) -> int:
    """The first place at which two recordings differ."""
    pairs = enumerate(zip(calls, changed))
    return next((index for index, (call, other) in pairs if call != other), min(len(calls), len(changed)))


def _different(robbed: Recording, first: int, seed: int) -> Iterator[Cut]:
    """The states from the prefix `first` on, each once; what is cheapest to notice comes first: only what was synced."""
    seen: set[tuple[bytes, bool]] = set()
    for torn in (0, TORN_STATES):
        for cut in robbed.cuts(torn, seed):
            key = (digest(cut.tree), cut.prefix >= robbed.acknowledged)
            if cut.prefix < first or (cut.variant == 0) != (torn == 0) or key in seen:
                continue
            seen.add(key)
            yield cut


def _expect_none_without(
    world: World, prepared: Prepared, section: Section, recording: Recording, number: int, seed: int
) -> None:
    """With every step in its place, no loss of power at the same moment does harm: it is this step that was noticed."""
    for cut in recording.cuts(TORN_STATES, seed):
        if cut.prefix and recording.calls[cut.prefix - 1].number == number:
            if why := _trouble(world, prepared, section, recording, cut):
                section.fail(recording.moment(cut), f"there is trouble although no step is missing: {why}")


def _trouble(world: World, prepared: Prepared, section: Section, recording: Recording, cut: Cut) -> str | None:
    """What is wrong after this loss of power."""
    done = cut.prefix >= recording.acknowledged
    place = world.new_place("robbed")
    materialise(cut.tree, place)
    try:
        found = prepared.observe(world, place, section)
    except Violation as violation:
        return str(violation)
    finally:
        world.discard(place)
    return f"{found}, but {prepared.after} should be durable" if done and found != prepared.after else None


def _expect_conflict(world: World, scenario: Scenario, lock: LockMutation, section: Section) -> None:
    try:
        scenario.play(world, lock.unlocked)
    except Violation as violation:
        section.figures["noticed as"] = str(violation)[:160]
    else:
        section.fail(scenario.name, "nothing noticed that the lock is missing")


# Which calls a step is.

Choice = Callable[[list[Call]], set[int]]


def _is_directory(call: Call) -> bool:
    return call.kind == "sync" and call.name in ("movies.vecdb", "sibling")


def _named(name: str) -> Choice:
    def choose(calls: list[Call]) -> set[int]:
        return {index for index, call in enumerate(calls) if call.kind == "sync" and call.name == name}

    return choose


_segment_syncs, _catalog_syncs, _lock_syncs = _named("segment"), _named("catalog.sqlite"), _named("lock")
_journal_syncs, _sibling_syncs = _named("catalog.sqlite-journal"), _named("sibling")


def _following(calls: list[Call], is_cause: Callable[[Call], bool]) -> set[int]:
    """The directory syncs that come right after such calls."""
    return {index for index, call in enumerate(calls) if index and _is_directory(call) and is_cause(calls[index - 1])}


def _commit_syncs(calls: list[Call]) -> set[int]:
    return _following(calls, is_commit)


def _publishing_sync(calls: list[Call]) -> set[int]:
    """The directory sync that makes the new generation durable."""
    return {min(index for index in _commit_syncs(calls) if index > _publishing(calls))}


def _journal_name_syncs(calls: list[Call]) -> set[int]:
    return _following(calls, lambda call: call.kind == "sync" and call.name == "catalog.sqlite-journal")


def _journal_header_syncs(calls: list[Call]) -> set[int]:
    """SQLite syncs a journal twice: its pages, and the header that says how many there are."""
    return {
        index
        for index in _journal_syncs(calls)
        if calls[index - 1].kind == "write" and calls[index - 1].offset == 0 and len(calls[index - 1].data) == 12
    }


def _directory_syncs_before_commit(calls: list[Call]) -> set[int]:
    """All that make the new segment's name safe: the writer's own, and those that SQLite does for its journal."""
    start, end = min(_segment_syncs(calls)), _publishing(calls)
    return {index for index, call in enumerate(calls) if start < index < end and _is_directory(call)}


def _parent_syncs(calls: list[Call]) -> set[int]:
    rename = next(index for index, call in enumerate(calls) if call.kind == "rename")
    return {index for index, call in enumerate(calls) if index > rename and call.kind == "sync"}


def _publishing(calls: list[Call]) -> int:
    """The removal of the journal that makes the new generation."""
    garbage = next(index for index, call in enumerate(calls) if call.kind == "unlink" and call.name == "segment")
    return max(index for index, call in enumerate(calls[:garbage]) if is_commit(call))


# What is done to them.


def _without(choice: Choice) -> Change:
    def change(calls: list[Call]) -> list[Call]:
        left_out = choice(calls)
        return [call for index, call in enumerate(calls) if index not in left_out]

    return change


def _after_commit(choice: Choice, completing: Choice = _commit_syncs) -> Change:
    """Moves syncs behind the next directory sync that completes a commit."""

    def change(calls: list[Call]) -> list[Call]:
        late, held, changed = choice(calls), [], []
        ends = completing(calls)
        for index, call in enumerate(calls):
            (held if index in late else changed).append(call)
            if index in ends:
                changed += held
                held = []
        return changed + held

    return change


def _garbage_before_commit(calls: list[Call]) -> list[Call]:
    garbage = next(index for index, call in enumerate(calls) if call.kind == "unlink" and call.name == "segment")
    commit = _publishing(calls)
    return [*calls[:commit], calls[garbage], *calls[commit:garbage], *calls[garbage + 1 :]]


def _rename_first(calls: list[Call]) -> list[Call]:
    """The new database gets its name before its segment is synced."""
    rename = next(call for call in calls if call.kind == "rename")
    start = min(_segment_syncs(calls))
    rest = [
        replace(call, path=call.path.replace(rename.path, rename.other)) for call in calls[start:] if call is not rename
    ]
    return [*calls[:start], rename, *rest]
