"""Figures of a part, and what failed in it."""

import argparse
import json
import random
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from .errors import Violation
from .world import World

Point = TypeVar("Point")
AnyWorld = TypeVar("AnyWorld", bound=World)


@dataclass
class Failure:
    what: str
    why: str
    reproduce: str


@dataclass
class Section:
    """One line of a report: an operation, a mutation, a scenario. `command` repeats it, with its part and name."""

    command: str
    part: str
    name: str
    figures: dict[str, int | float | str] = field(default_factory=dict)
    failures: list[Failure] = field(default_factory=list)
    seconds: float = 0
    # Digests of the files that were found.
    states: set[bytes] = field(default_factory=set)
    _guard: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def count(self, figure: str, number: int = 1) -> None:
        with self._guard:
            self.figures[figure] = int(self.figures.get(figure, 0)) + number

    def fail(self, what: str, why: str, point: str | None = None) -> None:
        command = f"{self.command} {self.part} --only {self.name}" + (f" --point {point}" if point else "")
        self.failures.append(Failure(what, why, command))

    def line(self) -> str:
        figures = " · ".join(
            f"{value:,} {name}" if isinstance(value, int) else f"{name}: {value}" for name, value in self.figures.items()
        )
        verdict = "ok" if not self.failures else f"{len(self.failures)} FAILED"
        return f"{self.part:<10} {self.name:<34} {figures} · {self.seconds:.1f} s · {verdict}"

    def print(self) -> None:
        print(self.line(), flush=True)
        for failure in self.failures[:10]:
            print(f"  FAILED at {failure.what}: {failure.why}\n    {failure.reproduce}", flush=True)
        if len(self.failures) > 10:
            print(f"  … and {len(self.failures) - 10} more", flush=True)


def sections_of(
    part: str, plays: Mapping[str, Callable[[AnyWorld, Section], None]], world: AnyWorld, arguments: argparse.Namespace
) -> list[Section]:
    """Those that are asked for, one after the other, by their names."""
    return [
        _played(Section(arguments.command, part, name), play, world)
        for name, play in plays.items()
        if arguments.only in (None, name)
    ]


def _played(section: Section, play: Callable[[AnyWorld, Section], None], world: AnyWorld) -> Section:
    """Fills a section and prints its line; a broken promise outside of all points fails it as a whole."""
    started = time.monotonic()
    try:
        play(world, section)
    except Violation as violation:
        section.fail("its preparation", str(violation))
    if section.states:
        section.figures["different states"] = len(section.states)
    section.seconds = time.monotonic() - started
    section.print()
    return section


def each(points: Iterable[Point], threads: int, work: Callable[[Point], None]) -> None:
    """Calls `work` for all points, several at a time."""
    with ThreadPoolExecutor(threads) as pool:
        for _ in pool.map(work, points):
            pass


def choose(
    points: list[Point], name: Callable[[Point], str], quick: int, options: argparse.Namespace
) -> list[Point]:
    """The points that are asked for: one by its name, a fixed sample of `quick`, or all."""
    if options.point:
        points = [point for point in points if name(point) == options.point]
        if not points:
            raise Violation(f"there is no point {options.point}")
    return sample(points, quick, options.seed) if options.quick else points


def sample(points: list[Point], count: int, seed: int) -> list[Point]:
    """A fixed choice of points, in their order; all when there are no more."""
    if len(points) <= count:
        return points
    chosen = sorted(random.Random(seed).sample(range(len(points)), count))
    return [points[index] for index in chosen]


def write_json(path: Path, sections: list[Section], options: dict[str, object]) -> None:
    content = {
        "options": options,
        "sections": [
            {
                "part": section.part,
                "name": section.name,
                "figures": section.figures,
                "seconds": round(section.seconds, 2),
                "failures": [failure.__dict__ for failure in section.failures],
            }
            for section in sections
        ],
    }
    path.write_text(json.dumps(content, indent=1) + "\n")
