"""One run: the parts that were asked for, one after the other."""

import argparse
from collections.abc import Callable

from experiment.command import Part, run_parts
from experiment.report import Section, sections_of

from . import witness
from .faults import faults
from .full import can_mount, full_disk
from .kill import kill
from .mutations import run_mutations
from .operations import Operation, Prepared, operations, prepare
from .power import power
from .processes import run_processes
from .world import World


def run(arguments: argparse.Namespace) -> int:
    """The exit status: 1 when a promise was broken."""
    return run_parts(PARTS, World(arguments.vecdb, arguments.directory, arguments.keep), arguments)


def _for_operations(part: str, work: Callable[[World, Prepared, Section, argparse.Namespace], None]):
    """A part that does the same with every operation."""

    def run_part(world: World, arguments: argparse.Namespace) -> list[Section]:
        def playing(operation: Operation) -> Callable[[World, Section], None]:
            return lambda world, section: work(world, prepare(world, operation), section, arguments)

        plays = {operation.name: playing(operation) for operation in operations()}
        return sections_of(part, plays, world, arguments)

    return run_part


def _kill(world: World, prepared: Prepared, section: Section, arguments: argparse.Namespace) -> None:
    section.count("calls", witness.check(world, prepared))
    kill(world, prepared, section, arguments)


def _errors(world: World, prepared: Prepared, section: Section, arguments: argparse.Namespace) -> None:
    is_room = bool(arguments.point) and arguments.point.startswith("room:")
    if not is_room:
        faults(world, prepared, section, arguments)
    if is_room or not arguments.point:
        if can_mount(world):
            full_disk(world, prepared, section, arguments)
        else:
            section.figures["full disks"] = "left out, mounting needs root"


PARTS: dict[str, Part] = {
    "kill": _for_operations("kill", _kill),
    "errors": _for_operations("errors", _errors),
    "power": _for_operations("power", power),
    "mutations": run_mutations,
    "processes": run_processes,
}
