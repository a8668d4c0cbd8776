"""One writer and four readers for a while, any of them killed at any time."""

import json
import random
import subprocess
import threading
import time
from collections import Counter
from pathlib import Path

from experiment.errors import Violation
from experiment.report import Section
from experiment.world import TIMEOUT_SECONDS

from .world import DATABASE, ROWS, World

READERS = ("query", "query", "verify", "inspect")
KILLS_PER_SECOND = 4


class _Soak:
    def __init__(self, world: World, place: Path, seconds: float):
        self.world = world
        self.place = place
        self.deadline = time.monotonic() + seconds
        self.figures: Counter[str] = Counter()
        self.problems: list[str] = []
        self.running: dict[int, subprocess.Popen[str]] = {}
        self.killed: set[int] = set()
        self.guard = threading.Lock()
        self.answers = {world.answers_of(name) for name in ROWS}

    @property
    def goes_on(self) -> bool:
        return time.monotonic() < self.deadline and not self.problems

    def run(self, words: list[str]) -> "tuple[int, str, str] | None":
        """Status and output of a process; None when it was killed."""
        with self.guard:
            process = self.world.start([str(self.world.vecdb), *words])
            self.running[process.pid] = process
        try:
            output, error = process.communicate(timeout=TIMEOUT_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            return -1, "", f"did not end within {TIMEOUT_SECONDS} s"
        finally:
            with self.guard:
                self.running.pop(process.pid, None)
        with self.guard:
            was_killed = process.pid in self.killed
            self.killed.discard(process.pid)
        if was_killed and process.returncode == -9:
            return None
        return process.returncode, output, error

    def write(self, generator: random.Random) -> None:
        while self.goes_on:
            result = self.run(self.world.build(self.place, generator.choice(list(ROWS)), "--lock-timeout", "30"))
            self.figures["builds" if result else "builds killed"] += 1
            if result and result[0] != 0:
                self.problems.append(f"a build ended with {result[0]}: {result[2].strip()}")

    def read(self, kind: str) -> None:
        database = f"{self.place}/{DATABASE}"
        words = {
            "query": self.world.query(self.place),
            "verify": ["verify", database, "--deep", "--json", "--progress", "never"],
            "inspect": ["inspect", database, "--json"],
        }[kind]
        newest = 0
        while self.goes_on:
            result = self.run(words)
            self.figures["reads" if result else "reads killed"] += 1
            if not result:
                continue
            status, output, error = result
            if status != 0:
                self.problems.append(f"{kind} ended with {status}: {error.strip()}")
            elif kind == "query" and output not in self.answers:
                self.problems.append(f"a torn snapshot: {output[:300]}")
            elif kind == "inspect" and (generation := json.loads(output).get("generation")) is not None:
                if generation < newest:
                    self.problems.append(f"generation {generation} came after {newest}")
                newest = generation

    def kill(self, generator: random.Random) -> None:
        while self.goes_on:
            time.sleep(generator.uniform(0, 2 / KILLS_PER_SECOND))
            with self.guard:
                alive = [process for process in self.running.values() if process.poll() is None]
                if alive:
                    process = generator.choice(alive)
                    self.killed.add(process.pid)
                    process.kill()
                    self.figures["kills"] += 1


def soak(world: World, section: Section, seconds: float, seed: int) -> None:
    """Every reader must see one whole generation, and nothing may be left in the end."""
    place = world.new_place("soak")
    world.succeed(world.build(place, "a"))
    state = _Soak(world, place, seconds)
    threads = [threading.Thread(target=state.write, args=(random.Random(seed),))]
    threads += [threading.Thread(target=state.read, args=(kind,)) for kind in READERS]
    threads += [threading.Thread(target=state.kill, args=(random.Random(seed + 1),))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    section.figures.update(sorted(state.figures.items()))
    section.figures["torn snapshots"] = sum(problem.startswith("a torn") for problem in state.problems)
    if state.problems:
        raise Violation("; ".join(state.problems[:3]))
    if not (state.figures["builds"] and state.figures["reads"] and state.figures["kills"]):
        raise Violation("too little happened to show anything; give it more --seconds")
    world.check_next_writer(place, world.observe(place, section))
    section.figures["leaked files"] = 0
    world.discard(place)
