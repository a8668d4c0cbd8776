"""A segment that changes under a running command: the guard is on in the command, so nothing may end by a signal."""

import argparse
import os
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from experiment.errors import Violation
from experiment.report import Section, sections_of
from experiment.segment_image import segment_of

from .world import World

ROWS = 3_000
QUERIES = 10_000
REPETITIONS, QUICK_REPETITIONS = 120, 3
# Later than the start of a process and earlier than the end of a command that is not disturbed.
LATEST_SECONDS = 0.4


@dataclass(frozen=True)
class Change:
    """What happens to the file, and whether a command may go on as if nothing had."""

    name: str
    apply: Callable[[Path, random.Random], None]
    is_harmless: bool


def run_underneath(world: World, arguments: argparse.Namespace) -> list[Section]:
    changes = [
        Change("cut-off", _cut_off, False),
        Change("overwritten", _overwrite, False),
        Change("emptied-and-refilled", _refill, False),
        Change("extended", _extend, False),
        Change("removed", lambda segment, _: segment.unlink(), True),
        Change("replaced", _replace, True),
    ]
    count = QUICK_REPETITIONS if arguments.quick else REPETITIONS

    def playing(change: Change) -> Callable[[World, Section], None]:
        return lambda world, section: _repeat(world, section, change, count, arguments.seed)

    return sections_of("underneath", {change.name: playing(change) for change in changes}, world, arguments)


def _repeat(world: World, section: Section, change: Change, count: int, seed: int) -> None:
    database = world.database("tree-l2", rows=ROWS)
    queries = f"{world.input('q', QUERIES)}.npy"
    words = {
        "query": ["query", "{}", "--queries", queries, "-k", "10", "--format", "ndjson", "--threads", "1"],
        "batch": ["eval", "{}", "--queries", queries, "--batch", "--passes", "3"],
        "exact": ["query", "{}", "--queries", queries, "-k", "3", "--exact", "--format", "ndjson"],
        "eval": ["eval", "{}", "--queries", queries, "--passes", "3", "--threads", "1"],
        "verify": ["verify", "{}", "--deep", "--progress", "never"],
    }
    expected = {name: world.succeed([word.format(database) for word in words[name]]) for name in ("query", "exact")}
    generator = random.Random(f"{seed} {change.name}")
    for number in range(count):
        name = list(words)[number % len(words)]
        copy = world.copy(database)
        try:
            delay = generator.uniform(0, LATEST_SECONDS)
            section.count("points")
            command = [word.format(copy) for word in words[name]]
            _try(world, section, change, name, command, copy, delay, generator, expected)
        except Violation as violation:
            section.fail(f"{name}, repetition {number}", str(violation))
        world.discard(copy)


def _try(
    world: World, section: Section, change: Change, name: str, words: list[str], database: Path, delay: float,
    generator: random.Random, expected: dict[str, str],
) -> None:  # fmt: skip
    process = world.start([str(world.vecdb), *words])
    time.sleep(delay)
    change.apply(segment_of(database), generator)
    outcome = world.finish(process, f"vecdb {name}")
    output, error = outcome.stdout, outcome.stderr
    if outcome.returncode == 0:
        if name in expected and output != expected[name]:
            raise Violation("ended with 0 and other answers")
        section.count("ended with the right answers")
    elif outcome.returncode == 4 and ("somebody changed a file" in error):
        if change.is_harmless:
            raise Violation(f"an open file that is {change.name} is no damage: {error.strip()}")
        section.count("said that the file was changed")
    elif outcome.returncode in (3, 4) and (error.strip() or output.strip()):
        # The change came before the file was opened, or was met as damage.
        section.count("met it as damage")
    else:
        raise Violation(f"ended with {outcome.returncode}: {error.strip() or output.strip()[-300:]}")


def _cut_off(segment: Path, generator: random.Random) -> None:
    size = segment.stat().st_size
    anywhere = [generator.randrange(size) for _ in range(3)]
    os.truncate(segment, generator.choice([0, 1, 4096, 8192, size - 1, *anywhere]))


def _overwrite(segment: Path, generator: random.Random) -> None:
    with segment.open("r+b") as file:
        file.seek(generator.randrange(segment.stat().st_size))
        file.write(generator.randbytes(generator.choice((1, 64, 4096))))
        file.truncate(segment.stat().st_size)


def _refill(segment: Path, _: random.Random) -> None:
    data = segment.read_bytes()
    os.truncate(segment, 0)
    time.sleep(0.01)
    with segment.open("r+b") as file:
        file.write(data)


def _extend(segment: Path, generator: random.Random) -> None:
    with segment.open("ab") as file:
        file.write(bytes(generator.choice((1, 4096, 100_000))))


def _replace(segment: Path, generator: random.Random) -> None:
    other = segment.with_name("other")
    other.write_bytes(generator.randbytes(10_000))
    other.rename(segment)
