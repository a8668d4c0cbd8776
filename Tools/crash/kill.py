"""SIGKILL at every call that changes a file."""

import argparse
from pathlib import Path

from experiment.errors import Violation
from experiment.report import Section

from .operations import Prepared
from .points import try_points
from .shim import Call
from .world import World

QUICK_POINTS = 10


def kill(world: World, prepared: Prepared, section: Section, options: argparse.Namespace) -> None:
    """Kills the operation before every call, and in the middle of every write."""

    def attempt(place: Path, call: Call, action: str) -> str:
        return _kill_and_recover(world, prepared, section, place, call, action)

    try_points(world, prepared, section, _points(prepared.calls), QUICK_POINTS, attempt, options)


def _points(calls: list[Call]) -> list[tuple[Call, str]]:
    counted = [call for call in calls if call.number]
    torn = [(call, "tear") for call in counted if call.kind == "write" and call.length > 1]
    return sorted([(call, "kill") for call in counted] + torn, key=lambda found: (found[0].number, found[1]))


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


