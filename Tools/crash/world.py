"""Where the experiments happen: the executable, its inputs, and what a reader finds in a database."""

import json
import random
import shutil
import struct
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import shim
from .report import Section, Violation

DATABASE = "movies.vecdb"
# Rows of the three inputs; 'c' is what the next writer builds after a crash.
ROWS = {"a": 300, "b": 260, "c": 240}
DIMENSIONS = 16
TIMEOUT_SECONDS = 60


class HarnessError(Exception):
    """The experiment itself went wrong; its text says what and how."""


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


class World:
    """One temporary directory with everything in it."""

    def __init__(self, vecdb: Path, directory: Path | None, keep: bool):
        if not vecdb.is_file():
            raise HarnessError(f"{vecdb}: no such file; build it with 'swift build -c release --product vecdb'")
        memory = Path("/dev/shm")
        parent = directory or (memory if memory.is_dir() else None)
        if directory:
            directory.mkdir(parents=True, exist_ok=True)
        self.vecdb = vecdb
        self.keep = keep
        self.path = Path(tempfile.mkdtemp(prefix="vecdb-crash-", dir=parent)).resolve()
        self.shim = shim.compiled(self.path)
        self.inputs = self.path / "inputs"
        self.inputs.mkdir()
        for seed, (name, rows) in enumerate(ROWS.items()):
            write_input(self.inputs / name, name, rows, random.Random(seed))
        self._places = 0
        self._answers: dict[str, str] = {}

    def close(self) -> None:
        shutil.rmtree(self.path, ignore_errors=True)

    def new_place(self, name: str) -> Path:
        """An empty directory for one database."""
        self._places += 1
        place = self.path / f"{name}-{self._places}"
        place.mkdir()
        return place

    def copy(self, source: Path, name: str) -> Path:
        place = self.new_place(name)
        shutil.copytree(source, place, dirs_exist_ok=True)
        return place

    def discard(self, place: Path) -> None:
        shutil.rmtree(place, ignore_errors=True)

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
        try:
            return subprocess.run(
                [str(self.vecdb), *words],
                env=environment,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=TIMEOUT_SECONDS,
            )
        except subprocess.TimeoutExpired:
            raise Violation(f"vecdb {words[0]} did not end within {TIMEOUT_SECONDS} s") from None

    def succeed(self, words: list[str], **settings: object) -> subprocess.CompletedProcess[str]:
        """Runs vecdb where nothing is in its way."""
        outcome = self.run(words, **settings)
        if outcome.returncode != 0:
            raise Violation(f"vecdb {words[0]} ended with {outcome.returncode}: {_last_line(outcome)}")
        return outcome

    def recorded(self, words: list[str], place: Path) -> list[shim.Call]:
        """Runs vecdb and returns its calls below `place`."""
        log = self.path / f"{place.name}.log"
        self.succeed(words, root=place, log=log)
        calls = shim.read_log(log)
        log.unlink()
        return calls

    # what is found

    def observe(self, place: Path) -> State:
        """What readers find: one that may not write, one that recovers, and a deep verification.

        Raises Violation for anything but a sound database or none.
        """
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
        """The next build works, and what the crash left is gone."""
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
        if name not in self._answers:
            place = self.new_place(f"reference-{name}")
            self.succeed(self.build(place, name))
            self._answers[name] = self.succeed(self.query(place)).stdout
            self.discard(place)
        return self._answers[name]


def _listing(database: Path) -> list[tuple[str, int, int]] | None:
    """Names, sizes and times of change; None when there is no directory."""
    if not database.is_dir():
        return None
    entries = ((path.name, path.stat()) for path in database.iterdir())
    return sorted((name, status.st_size, status.st_mtime_ns) for name, status in entries)


def _last_line(outcome: subprocess.CompletedProcess[str]) -> str:
    lines = (outcome.stderr or outcome.stdout).strip().splitlines()
    return lines[-1] if lines else "(no output)"


def write_input(path: Path, name: str, rows: int, generator: random.Random) -> None:
    """Vectors, ids, documents and queries: `path` with an extension each."""
    _write_npy(Path(f"{path}.npy"), rows, generator)
    _write_npy(Path(f"{path}.queries.npy"), 4, generator)
    Path(f"{path}.ids").write_text("".join(f"{name}{row}\n" for row in range(rows)))
    documents = (json.dumps({"title": f"{name} title {row}", "year": 1900 + row}) for row in range(rows))
    Path(f"{path}.ndjson").write_text("".join(f"{document}\n" for document in documents))


def _write_npy(path: Path, rows: int, generator: random.Random) -> None:
    header = f"{{'descr': '<f4', 'fortran_order': False, 'shape': ({rows}, {DIMENSIONS}), }}"
    header += " " * (-(len(header) + 11) % 64) + "\n"
    values = [generator.gauss(0, 1) for _ in range(rows * DIMENSIONS)]
    magic = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header))
    path.write_bytes(magic + header.encode() + struct.pack(f"<{len(values)}f", *values))
