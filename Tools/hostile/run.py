"""One run: the parts that were asked for, one after the other."""

import argparse

from experiment.command import Part, run_parts

from .catalogs import run_catalogs
from .environment import run_environment
from .fields import run_fields, run_values
from .flips import run_flips, run_lengths, run_sealed
from .places import run_places
from .sections import run_mixes, run_sections
from .self_check import run_self_check
from .terminal import run_terminal
from .trees import run_trees
from .underneath import run_underneath
from .world import World


def run(arguments: argparse.Namespace) -> int:
    """The exit status: 1 when a promise was broken."""
    return run_parts(PARTS, World(arguments), arguments)


PARTS: dict[str, Part] = {
    "flips": run_flips,
    "lengths": run_lengths,
    "sealed": run_sealed,
    "fields": run_fields,
    "values": run_values,
    "sections": run_sections,
    "mixes": run_mixes,
    "catalogs": run_catalogs,
    "trees": run_trees,
    "terminal": run_terminal,
    "underneath": run_underneath,
    "environment": run_environment,
    "places": run_places,
    "self-check": run_self_check,
}
