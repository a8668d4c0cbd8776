"""Databases made by hand, one after the other, and what a reader may do with each."""

import argparse
import contextlib
from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from experiment.errors import Violation
from experiment.report import Section, sample, sections_of
from experiment.segment_image import segment_of
from reader.refusal import Refused
from reader.segment import Segment

from .probe import NO_NUMBER, Reply, Server
from .world import World

# What a case asks of the reply; each returns what is wrong, or nothing.
Judge = Callable[[Path, Reply], "str | None"]


@dataclass(frozen=True)
class Case:
    """A change of a copy of a database, by name."""

    name: str
    apply: Callable[[Path], None]


@dataclass(frozen=True)
class Group:
    """Cases for one database, and what each must lead to."""

    form: str
    cases: Callable[[Path], Iterable[Case]]
    judge: Judge
    # How many of them the quick form tries.
    quick: int = 1_000


def run_groups(part: str, groups: dict[str, Group], world: World, arguments: argparse.Namespace) -> list[Section]:
    """A section for each group that is asked for."""

    def playing(group: Group) -> Callable[[World, Section], None]:
        def play(world: World, section: Section) -> None:
            database = world.database(group.form)
            cases = list(group.cases(database))
            chosen = sample(cases, group.quick, arguments.seed) if arguments.quick else cases
            run_cases(world, section, database, chosen, group.judge, arguments)

        return play

    return sections_of(part, {name: playing(group) for name, group in groups.items()}, world, arguments)


def run_cases(
    world: World, section: Section, database: Path, cases: Iterable[Case], judge: Judge, arguments: argparse.Namespace
) -> None:
    """Applies every case to a copy and asks a probe; signals, hangs and what the judge says are failures."""
    cases = list(cases)
    verdicts: Counter[str] = Counter()

    def work(part: list[Case]) -> None:
        with Server(world, database) as server:
            for case in part:
                copy = world.copy(database)
                case.apply(copy)
                try:
                    reply = server.ask(copy)
                    if reply.answers == NO_NUMBER:
                        raise Violation(f"a score is no number: {reply}")
                    if why := judge(copy, reply):
                        raise Violation(f"{why}: {reply}")
                    verdicts["refused" if reply.is_refused else f"answered: {reply.answers}"] += 1
                except Violation as violation:
                    section.fail(case.name, str(violation))
                world.discard(copy)

    with ThreadPoolExecutor(arguments.threads) as pool:
        for _ in pool.map(work, [cases[number :: arguments.threads] for number in range(arguments.threads)]):
            pass
    section.count("points", len(cases))
    for verdict in sorted(verdicts):
        section.count(verdict, verdicts[verdict])


def is_refused(_: Path, reply: Reply) -> "str | None":
    """Nothing is answered, and verify says why."""
    return None if reply.is_refused else "not refused"


def is_refused_as_the_documents_say(database: Path, reply: Reply) -> "str | None":
    """As below, and for the same reason: what a later version may define is unsupported, all else damage. For single faults."""
    code = None
    with contextlib.suppress(Exception):  # the second reader is no model of robustness
        try:
            Segment(segment_of(database))
        except Refused as refusal:
            code = refusal.code
    if code is not None and (reply.verdict == "unsupportedVersion") != (code == 5):
        return f"{reply.verdict}, where the second reader ends with {code}"
    return is_refused_where_the_documents_say_so(database, reply)


def is_refused_where_the_documents_say_so(database: Path, reply: Reply) -> "str | None":
    """The independent reader, written from Formats/ alone, says what must be refused; the rest may be answered."""
    try:
        Segment(segment_of(database))
    except Refused as refusal:
        # Padding and norms are looked at by verify alone, which must say so.
        unread = [word for word in ("padding", "norms") if word in str(refusal)]
        is_named = reply.verdict == "damaged" and any(word in reply.message for word in unread)
        return None if reply.is_refused or is_named else f"not refused, although {refusal}"
    except Exception:  # noqa: BLE001: the second reader is no model of robustness
        pass
    return None
