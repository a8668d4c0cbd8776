"""SIGKILL at every call that changes a file."""

import argparse
from pathlib import Path

from experiment.errors import Violation
from experiment.report import Section, choose, each

from .operations import Prepared
from .shim import Call
from .world import World

QUICK_POINTS = 10


def kill(world: World, prepared: Prepared, section: Section, options: argparse.Namespace) -> None:
    """Kills the operation before every call, and in the middle of every write."""
    points = choose(_points(prepared.calls), _name, QUICK_POINTS, options)

    def attempt(found: tuple[Call, str]) -> None:
        call, action = found
        section.count("points")
        with world.experiment(section, prepared.origin, f"{call}, {action}", _name(found)) as place:
            section.count(_kill_and_recover(world, prepared, section, place, call, action))

    each(points, options.threads, attempt)


def _points(calls: list[Call]) -> list[tuple[Call, str]]:
    counted = [call for call in calls if call.number]
    torn = [(call, "tear") for call in counted if call.kind == "write" and call.length > 1]
    return sorted([(call, "kill") for call in counted] + torn, key=lambda found: (found[0].number, found[1]))


def _name(found: tuple[Call, str]) -> str:
    return f"{found[0].number}:{found[1]}"


def _kill_and_recover(
    world: World, prepared: Prepared, section: Section, place: Path, call: Call, action: str
) -> str:
    """Which state was found."""
    outcome = prepared.run(world, place, at=call.number, action=action)
    if outcome.returncode != -9:
        raise Violation(f"it was to be killed, but ended with {outcome.returncode}")
    found = prepared.observe(world, place, section)
    world.check_next_writer(place, found)
    return "new" if found == prepared.after and prepared.after != prepared.before else "old"


