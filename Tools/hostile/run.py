"""One run: the parts that were asked for, one after the other."""

import argparse
import time
from collections.abc import Callable

from crash.report import Section, write_json
from crash.world import HarnessError

from .catalogs import run_catalogs
from .environment import run_environment
from .fields import run_fields, run_values
from .flips import run_flips, run_lengths, run_sealed
from .sections import run_mixes, run_sections
from .self_check import run_self_check
from .underneath import run_underneath
from .world import World


def run(arguments: argparse.Namespace) -> int:
    """The exit status: 1 when a promise was broken."""
    started = time.monotonic()
    world = World(arguments)
    try:
        sections = [section for part in arguments.parts for section in PARTS[part](world, arguments)]
    finally:
        if arguments.keep:
            print(f"kept: {world.path}", flush=True)
        else:
            world.close()
    if not sections:
        raise HarnessError(f"nothing is named '{arguments.only}' in {', '.join(arguments.parts)}")
    if arguments.json:
        options = {"quick": arguments.quick, "seed": arguments.seed, "only": arguments.only, "parts": arguments.parts}
        write_json(arguments.json, sections, options)
    failures = sum(len(section.failures) for section in sections)
    seconds = time.monotonic() - started
    print(f"Tools/hostile-test: {len(sections)} sections, {failures} failures, {seconds:.0f} s", flush=True)
    return 1 if failures else 0


PARTS: dict[str, Callable[[World, argparse.Namespace], list[Section]]] = {
    "flips": run_flips,
    "lengths": run_lengths,
    "sealed": run_sealed,
    "fields": run_fields,
    "values": run_values,
    "sections": run_sections,
    "mixes": run_mixes,
    "catalogs": run_catalogs,
    "underneath": run_underneath,
    "environment": run_environment,
    "self-check": run_self_check,
}
