"""Runs Tools/hostile/probe, which opens databases in one process, and outlives it: a signal or a hang is a result."""

import json
import select
import signal
import subprocess
import threading
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from experiment.errors import HarnessError, Violation
from experiment.report import Section, each
from experiment.segment_image import HEADER_CRC, IGNORED, Image, segment_of
from reader.segment import PAGE

from .world import MEMORY_KIBIBYTES, World

# Counted in steps of waiting, so that a machine that sleeps, or a harness that is paused, is taken for no hang.
HANG_SECONDS = 20
STEP_SECONDS = 0.02
CHUNK = 20_000
# What the probe says of an answer that no JSON can hold.
NO_NUMBER = "no-number"
# A section with so many signals and hangs has failed; more of them would only cost time.
FATALITY_LIMIT = 10


@dataclass(frozen=True)
class Plant:
    kind: str
    point: int


@dataclass(frozen=True)
class Request:
    """What is asked at each point; the members are those of the probe's SweepRequest."""

    attack: str
    points: tuple[range, ...] = ()
    verdict: bool = True
    answers: bool = True
    lookups: bool = False
    deep: bool = False
    plant: Plant | None = None

    @property
    def is_on_catalog(self) -> bool:
        return self.attack.startswith("catalog")

    @property
    def turns_bits(self) -> bool:
        return self.attack in ("flips", "sealed")


def sweep(
    world: World, section: Section, database: Path, request: Request, threads: int, patience: float = HANG_SECONDS
) -> None:
    """Tries all points, on copies of the database; what fails goes into the section."""
    guard = threading.Lock()
    fatalities = 0

    def work(points: tuple[range, ...]) -> None:
        nonlocal fatalities
        if fatalities >= FATALITY_LIMIT:
            return
        outcome = _run(world, database, replace(request, points=points), patience)
        with guard:
            if isinstance(outcome, _Fatality):
                fatalities += 1
                section.count("points")
                section.fail(f"point {outcome.point}", outcome.why, str(outcome.point))
            else:
                for name, number in outcome["counts"].items():
                    section.count(name, number)
                for failure in outcome["failures"]:
                    section.fail(f"point {failure['point']}", failure["why"], str(failure["point"]))
                section.count("failures", outcome["failureCount"])
        if isinstance(outcome, _Fatality):
            # What the process had found before is lost with it.
            work(tuple(_without(points, outcome.point)))

    each(_chunks(request.points), threads, work)


def _chunks(points: Iterable[range]) -> list[tuple[range, ...]]:
    """Groups of ranges with at most CHUNK points together, where a range itself is not longer."""
    chunks: list[tuple[range, ...]] = []
    group: list[range] = []
    for whole in points:
        for start in range(0, len(whole), CHUNK):
            part = whole[start:start + CHUNK]
            if group and sum(map(len, group)) + len(part) > CHUNK:
                chunks.append(tuple(group))
                group = []
            group.append(part)
    return chunks + ([tuple(group)] if group else [])


def _without(points: Iterable[range], point: int) -> Iterable[range]:
    for part in points:
        if point not in part:
            yield part
            continue
        index = part.index(point)
        yield from (rest for rest in (part[:index], part[index + 1 :]) if rest)


@dataclass(frozen=True)
class _Fatality:
    point: int
    why: str


def _run(world: World, database: Path, request: Request, patience: float) -> "dict[str, object] | _Fatality":
    copy = world.copy(database)
    progress = copy.parent / "progress"
    progress.write_text("")
    content = asdict(request) | {
        "database": str(copy),
        "file": "catalog.sqlite" if request.is_on_catalog else segment_of(copy).name,
        "layout": _layout(copy) if request.turns_bits else None,
        "points": [{"start": part.start, "stop": part.stop, "step": part.step} for part in request.points],
        "progress": str(progress),
    }
    output = copy.parent / "output"
    with output.open("w") as file:
        process = subprocess.Popen(
            _limited(world, "sweep", json.dumps(content)), stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.PIPE,
            text=True,
        )  # fmt: skip
        hangs = not _outlasts(process, progress, patience)
        _, error = process.communicate()
    point = int(progress.read_text().split("\n")[0] or -1)
    if hangs:
        outcome = _Fatality(point, f"hangs: nothing happened for {patience} s")
    elif process.returncode < 0:
        outcome = _Fatality(point, f"ended by {signal.Signals(-process.returncode).name}: {_first_line(error)}")
    elif process.returncode > 0:
        raise HarnessError(f"the probe ended with {process.returncode} at point {point}: {error.strip()}")
    else:
        outcome = json.loads(output.read_text())
    world.discard(copy)
    return outcome


def _layout(database: Path) -> dict[str, object]:
    """What the probe, which knows no format, has to know of a segment; the members are those of its Layout."""
    image = Image(database)
    parts = [
        (range(PAGE), ["header is damaged", "magic number", "has format version"]),
        (range(PAGE, 2 * PAGE), ["section table"]),
        *((entry.extent, [f"section '{entry.name}'"]) for entry in image.entries()),
        (range(len(image.data)), ["padding"]),
    ]

    def stored(place: int, covered: range) -> dict[str, int]:
        return {"place": place, "start": covered.start, "stop": covered.stop}

    return {
        "parts": [{"start": part.start, "stop": part.stop, "names": names} for part, names in parts],
        "checksums": [stored(each.place, each.covered) for each in image.checksums()],
        "header": stored(HEADER_CRC.offset, range(HEADER_CRC.offset)),
        "ignored": IGNORED.offset,
    }


def _outlasts(process: subprocess.Popen[str], progress: Path, patience: float) -> bool:
    """Waits for the end of a process; ends it itself, and says no, when it makes no progress."""
    last, waited = "", 0.0
    while process.poll() is None:
        time.sleep(STEP_SECONDS)
        waited += STEP_SECONDS
        if (now := progress.read_text()) != last:
            last, waited = now, 0.0
        elif waited > patience:
            process.kill()
            return False
    return True


def _limited(world: World, *words: str) -> list[str]:
    # Swift's runtime would start a program that draws a backtrace, and outlives the probe with its standard error.
    script = 'export SWIFT_BACKTRACE=enable=no; ulimit -c 0; ulimit -v "$1"; shift; exec "$@"'
    return ["bash", "-c", script, "limited", str(MEMORY_KIBIBYTES),
            str(world.probe), *words]  # fmt: skip


def _first_line(text: str) -> str:
    return next(iter(text.strip().splitlines()), "(no message)")


@dataclass(frozen=True)
class Reply:
    """What a database leads to: `verdict` is intact, damaged or an error's code; `answers` same, other, no-number or a code."""

    verdict: str
    message: str
    answers: str
    error: str

    @property
    def is_refused(self) -> bool:
        return self.verdict != "intact" and self.answers not in ("same", "other", NO_NUMBER)

    @property
    def is_as_before(self) -> bool:
        """Nothing but the right answers, or none."""
        return self.answers != "other"

    def __str__(self) -> str:
        return f"verify: {self.verdict} ({_first_line(self.message)}), query: {self.answers} ({_first_line(self.error)})"


class Server:
    """One probe that is asked about one database after the other; a new one when it is gone."""

    def __init__(self, world: World, undamaged: Path):
        self.world, self.undamaged = world, undamaged
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> "Server":
        return self

    def __exit__(self, *_: object) -> None:
        if self._process:
            self._process.kill()
            self._process.communicate()

    def ask(self, database: Path) -> Reply:
        """Raises Violation for a signal and for a hang."""
        if self._process is None:
            self._process = subprocess.Popen(
                _limited(self.world, "serve", str(self.undamaged)), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
            )  # fmt: skip
        process = self._process
        assert process.stdin and process.stdout
        try:
            process.stdin.write(f"{database}\n".encode())
            process.stdin.flush()
        except BrokenPipeError:
            pass  # it is gone, and says so below
        if not any(select.select([process.stdout], [], [], 1)[0] for _ in range(HANG_SECONDS)):
            self._end()
            raise Violation(f"hangs: no answer for {HANG_SECONDS} s")
        line = process.stdout.readline()
        if not line:
            status, error = self._end()
            if status > 0:
                raise HarnessError(f"the probe ended with {status}: {error}")
            raise Violation(f"ended by {signal.Signals(-status).name}: {_first_line(error)}")
        return Reply(**json.loads(line))

    def kill(self) -> None:
        """Ends the probe as a bug might."""
        assert self._process
        self._process.kill()

    def _end(self) -> tuple[int, str]:
        assert self._process
        process, self._process = self._process, None
        if process.poll() is None:
            try:
                process.wait(timeout=1)
            except subprocess.TimeoutExpired:
                process.kill()
        _, error = process.communicate()
        return process.returncode, error.decode(errors="replace")
