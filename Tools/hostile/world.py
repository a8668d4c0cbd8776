"""Where the experiments happen: the executables, and databases to be damaged."""

import argparse
import random
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

from experiment import world
from experiment.errors import HarnessError
from experiment.inputs import write_input, write_integers

from .checksum import compute_in_c

Point = TypeVar("Point")

# Far more than a database of some hundred rows needs, far less than what a field of a file can name.
MEMORY_KIBIBYTES = 1 << 20
# The kinds of databases: between them they have every section that is written and every type of stored vectors.
FORMS = {
    "tree-dot": ["--index", "tree-ah", "--leaves", "8", "--projection", "pca:8"],
    "tree-cosine": ["--index", "tree-ah", "--leaves", "6", "--metric", "cosine", "--projection", "random",
                    "--reorder-storage", "int8"],
    "tree-l2": ["--index", "tree-ah", "--leaves", "6", "--metric", "l2", "--projection", "none",
                "--reorder-storage", "bf16"],
    "exact": ["--index", "exact"],
    "tree-soar": ["--index", "tree-ah", "--leaves", "8", "--projection", "pca:8", "--soar"],
    "tree-anisotropic": ["--index", "tree-ah", "--leaves", "6", "--metric", "cosine", "--projection", "none",
                         "--anisotropic-threshold", "0.2"],
    "tree-u8": ["--index", "tree-ah", "--leaves", "6", "--metric", "l2", "--projection", "pca:8",
                "--reorder-storage", "u8"],
    "exact-i8": ["--index", "exact", "--metric", "l2", "--reorder-storage", "i8"],
}  # fmt: skip
# Of those that store integers: the files that hold some.
INTEGERS = {"tree-u8": "u8bin", "exact-i8": "i8bin"}
# Vectors alone: the smallest segment that has block checksums, of some 90 KiB.
PLAIN = "plain"
ROWS = 300


class World(world.World):
    """Adds the probe, and databases to be damaged."""

    def __init__(self, arguments: argparse.Namespace):
        if not arguments.probe.is_file():
            raise HarnessError(f"{arguments.probe}: no such file; Tools/hostile-test builds it")
        super().__init__("hostile", arguments.vecdb, arguments.directory)
        self.probe, self.quick = arguments.probe, arguments.quick
        compute_in_c(self.path)
        self._inputs: dict[tuple[str, int], Path] = {}
        self._databases: dict[tuple[str, str, int], Path] = {}

    def some(self, points: Sequence[Point], step: int) -> Sequence[Point]:
        """All points; every `step`-th in the quick form."""
        return points[::step] if self.quick else points

    def copy(self, database: Path) -> Path:
        """A copy that may be damaged, in a directory of its own."""
        copy = self.new_place("try") / database.name
        shutil.copytree(database, copy)
        return copy

    def discard(self, database: Path) -> None:
        shutil.rmtree(database.parent, ignore_errors=True)

    def input(self, name: str, rows: int = ROWS) -> Path:
        """Files of vectors, ids, documents and queries: the path without extension."""
        if (name, rows) not in self._inputs:
            self._inputs[name, rows] = self.new_place("input") / name
            write_input(self._inputs[name, rows], name, rows, random.Random(name))
            write_integers(self._inputs[name, rows], name, rows)
        return self._inputs[name, rows]

    def build_words(self, database: Path, form: str, name: str = "a", rows: int = ROWS) -> list[str]:
        """The words of a build; an existing database is replaced."""
        files = self.input(name, rows)
        words = ["build", str(database), "--overwrite", "--vectors", f"{files}.{INTEGERS.get(form, 'npy')}"]
        if form == PLAIN:
            words += ["--index", "exact"]
        else:
            words += ["--ids", f"{files}.ids", "--metadata", f"{files}.ndjson", *FORMS[form]]
            words += ["--query-vectors", f"{files}.queries.npy"]
        return [*words, "--seed", "1", "--threads", "1", "--progress", "never"]

    def database(self, form: str, name: str = "a", rows: int = ROWS) -> Path:
        """A sound database that nobody changes."""
        if (form, name, rows) not in self._databases:
            database = self.new_place(form) / "movies.vecdb"
            self.succeed(self.build_words(database, form, name, rows))
            self._databases[form, name, rows] = database
        return self._databases[form, name, rows]

    def run(self, words: list[str], limits: str = "", **options: object) -> subprocess.CompletedProcess[str]:
        """Runs vecdb to its end; `limits` is shell, such as 'ulimit -n 10'."""
        command = [str(self.vecdb), *words]
        if limits:
            command = ["bash", "-c", limits + '; exec "$@"', "limited", *command]
        return self.finish(self.start(command, **options), f"vecdb {words[0]}")

    def succeed(self, words: list[str]) -> str:
        """Standard output of vecdb where nothing is in its way."""
        outcome = self.run(words)
        if outcome.returncode != 0:
            raise HarnessError(f"vecdb {words[0]} ended with {outcome.returncode}: {outcome.stderr.strip()}")
        return outcome.stdout
