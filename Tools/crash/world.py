"""Where the experiments happen: the executable, its inputs, and what a reader finds in a database."""

import hashlib
import json
import random
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from experiment import world
from experiment.compiler import compiled
from experiment.errors import Violation
from experiment.inputs import write_input
from experiment.report import Section

from . import shim

Result = TypeVar("Result")

DATABASE = "movies.vecdb"
# Rows of the three inputs; 'c' is what the next writer builds after a crash.
ROWS = {"a": 300, "b": 260, "c": 240}


@dataclass(frozen=True)
class State:
    """What a reader is told; no answers: there is no database."""

    answers: str | None
    generation: int

    def __str__(self) -> str:
        if self.answers is None:
            return "no database"
        lines = self.answers.splitlines()
        return f"generation {self.generation}, first hit {json.loads(lines[0])['hits'][0]['id']}"


ABSENT = State(None, 0)


class World(world.World):
    """Adds the inputs, and a memory of what was found."""

    def __init__(self, vecdb: Path, directory: Path | None, keep: bool):
        super().__init__("crash", vecdb, directory)
        self.keep = keep
        self.shim = compiled(shim.SOURCE_FOLDER, self.path)
        self.inputs = self.path / "inputs"
        self.inputs.mkdir()
        for seed, (name, rows) in enumerate(ROWS.items()):
            write_input(self.inputs / name, name, rows, random.Random(seed))
        self._guard = threading.Lock()
        self._remembered: dict[object, Future[Any]] = {}

    def copy(self, source: Path, name: str) -> Path:
        place = self.new_place(name)
        shutil.copytree(source, place, dirs_exist_ok=True)
        return place

    def discard(self, place: Path) -> None:
        shutil.rmtree(place, ignore_errors=True)

    def remembered(self, question: object, answer: Callable[[], Result]) -> Result:
        """What `answer` returned or raised when the question was first asked, by whatever thread."""
        with self._guard:
            is_first = question not in self._remembered
            future = self._remembered.setdefault(question, Future())
        if is_first:
            try:
                future.set_result(answer())
            except BaseException as error:
                future.set_exception(error)
        return future.result()

    @contextmanager
    def experiment(self, section: Section, origin: Path | None, what: str, point: str | None) -> Iterator[Path]:
        """A place, with a copy of `origin` in it; a Violation becomes a failure of the section."""
        place = self.copy(origin, "try") if origin else self.new_place("try")
        try:
            yield place
        except Violation as violation:
            section.fail(what, f"{violation} [kept: {place}]" if self.keep else str(violation), point)
            if self.keep:
                return
        self.discard(place)

    # commands

    def build(self, place: Path, name: str, *more: str) -> list[str]:
        """The words of a build of input `name`; an existing database is replaced."""
        files = self.inputs / name
        words = ["build", f"{place}/{DATABASE}", "--overwrite", "--vectors", f"{files}.npy", "--ids", f"{files}.ids"]
        words += ["--metadata", f"{files}.ndjson", "--query-vectors", f"{files}.queries.npy", "--index", "tree-ah"]
        return [*words, "--leaves", "8", "--seed", "1", "--threads", "1", "--progress", "never", *more]

    def query(self, place: Path) -> list[str]:
        """Words whose output depends on vectors, ids, documents and stored queries, and not on which setting won."""
        words = ["query", f"{place}/{DATABASE}", "-k", "5", "--with-metadata", "--format", "ndjson", "--threads", "1"]
        words += ["--leaves-to-search", "8", "--reorder", "40"]
        return words + [word for index in range(4) for word in ("--query-id", str(index))]

    def tune(self, place: Path) -> list[str]:
        """The words of a change of settings alone, to one that a setting reaches."""
        return ["tune", f"{place}/{DATABASE}", "--target-recall", "0.1", "-k", "5", "--threads", "1"]

    def run(self, words: list[str], **settings: object) -> subprocess.CompletedProcess[str]:
        """Runs vecdb to its end; `settings` ask the shim for something, `root` among them."""
        environment = shim.environment(self.shim, **settings) if settings else None
        return self.finish(self.start([str(self.vecdb), *words], env=environment), f"vecdb {words[0]}")

    def succeed(self, words: list[str], **settings: object) -> subprocess.CompletedProcess[str]:
        """Runs vecdb where nothing is in its way."""
        outcome = self.run(words, **settings)
        if outcome.returncode != 0:
            raise Violation(f"vecdb {words[0]} ended with {outcome.returncode}: {_last_line(outcome)}")
        return outcome

    def recorded(self, words: list[str], place: Path, **settings: object) -> list[shim.Call]:
        """Runs vecdb and returns its calls below `place`."""
        log = self.path / f"{place.name}.log"
        self.succeed(words, root=place, log=log, **settings)
        calls = shim.read_log(log)
        log.unlink()
        return calls

    # what is found

    def observe(self, place: Path, section: "Section | None" = None, circumstances: str = "") -> State:
        """What readers find: one that may not write, one that recovers, and a deep verification.

        That is a function of the files and of the `circumstances`, so that equal files are looked at once.
        Raises Violation for anything but a sound database or none.
        """
        key = digest(place)
        if section:
            section.states.add(key)
        return self.remembered(("state", key, circumstances), lambda: self._observe(place))

    def _observe(self, place: Path) -> State:
        database = place / DATABASE
        inspection = self._inspect(database)
        found = self.run(self.query(place))
        if found.returncode == 3 and inspection is None:
            return ABSENT
        if found.returncode != 0:
            raise Violation(f"query ended with {found.returncode}: {_last_line(found)}")
        self.verify(place)
        if inspection is None or inspection["recovery_pending"]:
            inspection = self._inspect(database)
        if inspection is None or inspection["recovery_pending"]:
            raise Violation("inspect reports no database, or recovery pending, after recovery")
        lock = database / "lock"
        if not lock.is_file() or lock.stat().st_size != 256:
            raise Violation("the file 'lock' is missing or has not 256 bytes")
        return State(found.stdout, inspection["generation"])

    def _inspect(self, database: Path) -> "dict[str, Any] | None":
        """What `inspect` shows, which must find no problem and change nothing; None without a database."""
        before = _listing(database)
        found = self.run(["inspect", str(database), "--json"])
        if _listing(database) != before:
            raise Violation("inspect changed the directory")
        if found.returncode == 3 and before is None:
            return None
        if found.returncode != 0:
            problems = json.loads(found.stdout)["problems"] if found.stdout else []
            raise Violation(f"inspect ended with {found.returncode}: {'; '.join(problems) or _last_line(found)}")
        return json.loads(found.stdout)

    def verify(self, place: Path) -> list[str]:
        """The notes of a deep verification that finds no damage."""
        outcome = self.run(["verify", f"{place}/{DATABASE}", "--deep", "--json", "--progress", "never"])
        if outcome.returncode != 0:
            raise Violation(f"verify --deep ended with {outcome.returncode}: {_last_line(outcome)}")
        return json.loads(outcome.stdout)["notes"]

    def check_next_writer(self, place: Path, found: State) -> None:
        """The next build works, and what the crash left is gone; tried once on equal files."""
        key = ("writer", digest(place), found.generation)
        self.remembered(key, lambda: self._check_next_writer(place, found))

    def _check_next_writer(self, place: Path, found: State) -> None:
        built = json.loads(self.succeed(self.build(place, "c", "--json")).stdout)
        self.check_clean(place)
        state = State(self.succeed(self.query(place)).stdout, built["generation"])
        expected = State(self.answers_of("c"), found.generation + 1)
        if state != expected:
            raise Violation(f"the next build made {state}, expected {expected}")

    def check_clean(self, place: Path) -> None:
        """No file and no row is there that the database does not need."""
        left = sorted(path.name for path in place.iterdir() if path.name != DATABASE)
        names = sorted(path.name for path in (place / DATABASE).iterdir())
        segments = [name for name in names if name.startswith("segment-") and name.endswith(".vseg")]
        left += [name for name in names if name not in ("catalog.sqlite", "lock", *segments[:1])]
        if left:
            raise Violation(f"files are left over: {', '.join(left)}")
        if notes := self.verify(place):
            raise Violation(f"verify notes: {'; '.join(notes)}")

    def answers_of(self, name: str) -> str:
        """What a database built from input `name` answers."""
        return self.remembered(("answers", name), lambda: self._answers_of(name))

    def _answers_of(self, name: str) -> str:
        place = self.new_place(f"reference-{name}")
        self.succeed(self.build(place, name))
        answers = self.succeed(self.query(place)).stdout
        self.discard(place)
        return answers


def digest(place: Path) -> bytes:
    """Equal for directories whose files have equal names, modes and bytes."""
    sum = hashlib.blake2b(digest_size=16)
    for path in sorted(place.rglob("*")):
        status = path.lstat()
        sum.update(f"{path.relative_to(place)}\0{status.st_mode}\0{status.st_size}\0".encode())
        if path.is_file():
            sum.update(path.read_bytes())
    return sum.digest()


def _listing(database: Path) -> list[tuple[str, int, int]] | None:
    """Names, sizes and times of change; None when there is no directory."""
    if not database.is_dir():
        return None
    entries = ((path.name, path.stat()) for path in database.iterdir())
    return sorted((name, status.st_size, status.st_mtime_ns) for name, status in entries)


def _last_line(outcome: subprocess.CompletedProcess[str]) -> str:
    lines = (outcome.stderr or outcome.stdout).strip().splitlines()
    return lines[-1] if lines else "(no output)"
