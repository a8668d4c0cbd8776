"""Each sync, lock and ordering step taken away in turn: the harness must notice."""

import argparse
import re
from collections.abc import Callable
from dataclasses import dataclass, replace

from .operations import Prepared, is_commit, operations, prepare
from .power import Cut, Recording, record
from .processes import Scenario, scenarios
from .report import Section, Violation, timed
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
        Mutation("commit-sync", overwrite, _without(_commit_syncs), "segment-|durable"),
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
    sections: list[Section] = []
    recordings: dict[str, tuple[Prepared, Recording]] = {}
    named = {operation.name: operation for operation in operations()}

    def wanted(name: str) -> bool:
        return arguments.only == name if arguments.only else not arguments.quick or name in QUICK

    for mutation in filter(lambda mutation: wanted(mutation.name), recorded_mutations()):

        def replay(section: Section) -> None:
            if mutation.operation not in recordings:
                prepared = prepare(world, named[mutation.operation])
                recordings[mutation.operation] = prepared, record(world, prepared)
            _expect_notice(world, *recordings[mutation.operation], mutation, arguments.seed, section)

        sections.append(timed(Section("mutations", mutation.name), replay))
    for lock in filter(lambda mutation: wanted(mutation.name), LOCK_MUTATIONS):
        scenario = next(found for found in scenarios() if found.name == lock.scenario)
        sections.append(
            timed(Section("mutations", lock.name), lambda section: _expect_conflict(world, scenario, lock, section))
        )
    return sections


def _expect_notice(
    world: World, prepared: Prepared, recording: Recording, mutation: Mutation, seed: int, section: Section
) -> None:
    changed = mutation.change(recording.calls)
    if changed == recording.calls:
        section.fail("its recording", f"{mutation.operation} has no such step any more")
        return
    robbed = replace(recording, calls=changed)
    first = _publishing(changed) + 1 if mutation.is_published else 0
    seen: set[tuple[bytes, bool]] = set()
    # What is cheapest to notice comes first: the states that hold only what was synced.
    for torn in (0, TORN_STATES):
        for cut in robbed.cuts(torn, seed):
            done = cut.prefix >= robbed.acknowledged
            key = (digest(cut.tree), done)
            if cut.prefix < first or (cut.variant == 0) != (torn == 0) or key in seen:
                continue
            seen.add(key)
            section.count("states")
            if why := _trouble(world, prepared, cut, done):
                if re.search(mutation.symptom, why):
                    section.figures["noticed at"] = robbed.moment(cut)
                    section.figures["as"] = why[:160]
                    return
    section.fail("the end", "nothing noticed that the step is missing")


def _trouble(world: World, prepared: Prepared, cut: Cut, done: bool) -> str | None:
    """What is wrong after this loss of power."""
    place = world.new_place("robbed")
    materialise(cut.tree, place)
    try:
        found = prepared.observe(world, place)
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
