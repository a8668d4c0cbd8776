"""One run: the parts that were asked for, one after the other."""

import argparse
import time
from collections.abc import Callable

from . import witness
from .faults import faults
from .full import can_mount, full_disk
from .kill import kill
from .mutations import run_mutations
from .operations import Prepared, operations, prepare
from .power import power
from .processes import run_processes
from .report import Section, timed, write_json
from .world import HarnessError, World


def run(arguments: argparse.Namespace) -> int:
    """The exit status: 1 when a promise was broken."""
    started = time.monotonic()
    world = World(arguments.vecdb, arguments.directory, arguments.keep)
    try:
        sections = [section for part in arguments.parts for section in PARTS[part](world, arguments)]
    finally:
        if not arguments.keep:
            world.close()
    if not sections:
        raise HarnessError(f"nothing is named '{arguments.only}' in {', '.join(arguments.parts)}")
    if arguments.json:
        options = {"quick": arguments.quick, "seed": arguments.seed, "only": arguments.only, "parts": arguments.parts}
        write_json(arguments.json, sections, options)
    failures = sum(len(section.failures) for section in sections)
    seconds = time.monotonic() - started
    print(f"Tools/crash-test: {len(sections)} sections, {failures} failures, {seconds:.0f} s", flush=True)
    return 1 if failures else 0


def _for_operations(part: str, work: Callable[[World, Prepared, Section, argparse.Namespace], None]):
    """A part that does the same with every operation."""

    def run_part(world: World, arguments: argparse.Namespace) -> list[Section]:
        sections = []
        for operation in operations():
            if arguments.only in (None, operation.name):

                def body(section: Section) -> None:
                    prepared = prepare(world, operation)
                    work(world, prepared, section, arguments)
                    world.discard(prepared.origin)

                sections.append(timed(Section(part, operation.name), body))
        return sections

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


PARTS: dict[str, Callable[[World, argparse.Namespace], list[Section]]] = {
    "kill": _for_operations("kill", _kill),
    "errors": _for_operations("errors", _errors),
    "power": _for_operations("power", power),
    "mutations": run_mutations,
    "processes": run_processes,
}
