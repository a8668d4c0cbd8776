"""Faults that the harness must notice: a check that cannot fail shows nothing."""

import argparse
from collections.abc import Callable
from dataclasses import dataclass

from experiment.errors import Violation
from experiment.report import Section, sections_of

from .crafted import Case, is_refused, run_cases
from .probe import Plant, Request, Server, sweep
from .world import World

# Where the stored vectors of a database without a tree begin, and how long each is.
VECTORS = 65_536
STRIDE = 64
ROWS = 20


@dataclass(frozen=True)
class Fault:
    """Something planted, and what the failure that it causes must say."""

    name: str
    play: Callable[[World, Section], None]
    says: str


def run_self_check(world: World, arguments: argparse.Namespace) -> list[Section]:
    faults = [
        Fault("a-signal", _planted("flips", "trap"), "ended by SIG"),
        Fault("a-hang", _planted("flips", "hang"), "hangs"),
        Fault("memory-without-bound", _planted("flips", "memory"), "ended by SIG"),
        Fault("damage-that-verify-misses", _planted("flips", "untouched"), "verify finds nothing"),
        Fault("damage-that-verify-misnames", _planted("flips", "elsewhere"), "verify names none of"),
        Fault("answers-silently-wrong", _silently_wrong, "other answers, silently"),
        Fault("a-score-that-is-no-number", _planted("sealed", "no-number", verdict=False), "a hit has the score nan"),
        Fault("a-length-that-is-accepted", _planted("extension", "untouched", verdict=False), "the file was not refused"),
        Fault("a-crafted-file-that-is-accepted", _crafted, "not refused"),
        Fault("a-crafted-file-that-kills", _killed, "ended by SIG"),
    ]

    def noticing(fault: Fault) -> Callable[[World, Section], None]:
        def play(world: World, section: Section) -> None:
            inner = Section(arguments.command, "self-check", fault.name)
            fault.play(world, inner)
            section.count("failures caused", len(inner.failures))
            if not any(fault.says in failure.why for failure in inner.failures):
                found = "; ".join(failure.why for failure in inner.failures[:3]) or "nothing"
                raise Violation(f"the harness does not notice it: '{fault.says}' expected, found {found}")

        return play

    return sections_of("self-check", {fault.name: noticing(fault) for fault in faults}, world, arguments)


def _planted(attack: str, kind: str, **asks: bool) -> Callable[[World, Section], None]:
    """Eleven points with something planted at the first one; the others must be tried all the same, and pass."""

    def play(world: World, section: Section) -> None:
        first = 0 if attack == "extension" else 8 * VECTORS
        request = Request(attack, (range(first, first + 11),), plant=Plant(kind, first), **asks)
        sweep(world, section, world.database("exact"), request, threads=1, patience=3)
        if section.figures.get("points") != 11 or len(section.failures) != 1:
            raise Violation(f"of 11 points with one fault: {section.figures}, {len(section.failures)} failures")

    return play


def _silently_wrong(world: World, section: Section) -> None:
    """Exponents of stored vectors, one row after the other, until one has become the best hit or none any more."""
    for row in range(ROWS):
        point = 8 * (VECTORS + row * STRIDE + 3) + 6
        request = Request("flips", (range(point, point + 1),), verdict=False, plant=Plant("sealed", point))
        sweep(world, section, world.database("exact"), request, threads=1)
        if section.failures:
            return


def _crafted(world: World, section: Section) -> None:
    """A database that nobody has touched, where one is expected that must be refused."""
    cases = [Case("nothing is changed", lambda _: None)]
    run_cases(world, section, world.database("exact"), cases, is_refused, argparse.Namespace(threads=1))


def _killed(world: World, section: Section) -> None:
    """The process ends while it is asked; the next question goes to another one."""
    database = world.database("exact")
    with Server(world, database) as server:
        server.ask(database)
        server.kill()
        try:
            server.ask(database)
        except Violation as violation:
            section.fail("a question", str(violation))
        if server.ask(database).answers != "same":
            raise Violation("no answer after the process that was killed")
