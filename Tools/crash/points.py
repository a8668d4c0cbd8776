"""Calls of an operation at which something happens to it."""

import argparse
from collections.abc import Callable
from pathlib import Path

from experiment.report import Section, choose, each

from .operations import Prepared
from .shim import Call
from .world import World


def try_points(
    world: World,
    prepared: Prepared,
    section: Section,
    points: list[tuple[Call, str]],
    quick: int,
    attempt: Callable[[Path, Call, str], str],
    options: argparse.Namespace,
) -> None:
    """Tries each point, a call and what happens to it, where the operation finds what it meets.

    `attempt` says how it ended. With `--quick` a fixed sample of `quick` points is tried.
    """

    def name(point: tuple[Call, str]) -> str:
        return f"{point[0].number}:{point[1]}"

    def work(point: tuple[Call, str]) -> None:
        section.count("points")
        with world.experiment(section, prepared.origin, f"{point[0]}, {point[1]}", name(point)) as place:
            section.count(attempt(place, *point))

    each(choose(points, name, quick, options), options.threads, work)
