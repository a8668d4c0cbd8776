"""Passes in turn: ours, theirs, ours, theirs …; of every setting the best pass counts."""

from collections.abc import Callable, Sequence
from typing import Literal, Protocol

from .frontier import NEAR, TARGETS, Point, Setting, between, cheapest, frontier, grid_settings, key

Mode = Literal["single", "batch"]


# How much slower than the frontier of single queries a setting may be to be tried with batches.
BATCH_NEAR = 1.5


class Side(Protocol):
    """One of the compared libraries, with its index at hand."""

    name: str

    def grid(self) -> dict[str, list[int]]:
        """The values to try of every parameter."""

    def run(self, mode: Mode, settings: Sequence[Setting]) -> list[Point]:
        """One pass: every setting once."""


def search(sides: list[Side], passes: int, progress: Callable[[str], None]) -> dict[str, list[Point]]:
    """One query at a time: the whole grid once, then what is near the frontier, finer around the targets."""
    best: dict[str, list[Point]] = {}
    for side in sides:
        progress(f"search, pass 1 of {passes}: {side.name}, the whole grid")
        best[side.name] = _first_pass(side)
    for number in range(2, passes + 1):
        for side in sides:
            points = best[side.name]
            settings = [point.setting for point in frontier(points, NEAR)]
            if number == 2:
                settings = _distinct(settings + _around_targets(points, side.grid()))
            progress(f"search, pass {number} of {passes}: {side.name}, {len(settings)} settings")
            best[side.name] = _better(points, side.run("single", settings))
    return best


def search_batches(
    sides: list[Side], found: dict[str, list[Point]], passes: int, progress: Callable[[str], None]
) -> dict[str, list[Point]]:
    """All queries in one call: what single queries were not slow with, then what is near the batches' own frontier."""
    best: dict[str, list[Point]] = {side.name: [] for side in sides}
    for number in range(1, passes + 1):
        for side in sides:
            near = frontier(found[side.name], BATCH_NEAR) if number == 1 else frontier(best[side.name], NEAR)
            progress(f"batch, pass {number} of {passes}: {side.name}, {len(near)} settings")
            best[side.name] = _better(best[side.name], side.run("batch", [point.setting for point in near]))
    return best


def _first_pass(side: Side) -> list[Point]:
    """The grid, a value of its first parameter at a time, until a larger one brings nothing near the frontier."""
    (name, values), *others = side.grid().items()
    points: list[Point] = []
    for value in values:
        new = side.run("single", grid_settings({name: [value], **dict(others)}))
        points += new
        near = frontier(points, NEAR)
        if not any(point in near for point in new):
            break
    return points


def _around_targets(points: list[Point], grid: dict[str, list[int]]) -> list[Setting]:
    found = []
    for target in TARGETS:
        point = cheapest(points, target)
        if point is not None:
            found += between(point.setting, grid)
    return found


def _distinct(settings: list[Setting]) -> list[Setting]:
    return list({key(setting): setting for setting in settings}.values())


def _better(points: list[Point], others: list[Point]) -> list[Point]:
    """Of every setting the point that took less time."""
    best = {key(point.setting): point for point in points}
    for point in others:
        before = best.get(key(point.setting))
        if before is None or point.mean_us < before.mean_us:
            best[key(point.setting)] = point
    return list(best.values())
