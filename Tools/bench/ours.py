"""Our side: the `vecdb` command, as its users run it."""

import json
import os
import shutil
import subprocess
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

import numpy as np

from .errors import BenchmarkError
from .frontier import Point, Setting, tree_grid
from .measure import Mode
from .memory import PeakWatch
from .workloads import Workload

THREADS_TO_BUILD = 2


@dataclass(frozen=True)
class Build:
    """One build, from the .npy file to a database that would survive a power cut."""

    seconds: float
    peak_anonymous_bytes: int
    peak_resident_bytes: int
    summary: dict[str, Any]


class Vecdb:
    """The executable, and the one database of a workload."""

    def __init__(self, executable: Path, workload: Workload, database: Path, instruction_set: str | None) -> None:
        self.name = "vecdb"
        self.executable = executable
        self.workload = workload
        self.database = database
        self.environment = dict(os.environ)
        if instruction_set is not None:
            self.environment["VECDB_INSTRUCTION_SET"] = instruction_set

    def version(self) -> str:
        return self._output("--version").strip()

    def build(self) -> Build:
        """Replaces the database."""
        shutil.rmtree(self.database, ignore_errors=True)
        self.database.parent.mkdir(parents=True, exist_ok=True)
        workload = self.workload
        command = [str(self.executable), "build", str(self.database), "--vectors", str(workload.base)]
        command += ["--metric", workload.metric, "--leaves", str(workload.leaves), "--index", "tree-ah"]
        command += ["--threads", str(THREADS_TO_BUILD), "--seed", "0", "--json", "--progress", "never", "--overwrite"]
        with TemporaryFile("w+") as output, TemporaryFile("w+") as errors:
            started = time.perf_counter()
            process = subprocess.Popen(command, env=self.environment, stdout=output, stderr=errors)
            with PeakWatch(process.pid) as watch:
                _, status, usage = os.wait4(process.pid, 0)
            seconds = time.perf_counter() - started
            process.returncode = os.waitstatus_to_exitcode(status)
            output.seek(0)
            errors.seek(0)
            if process.returncode != 0:
                raise _failure(command, process.returncode, errors.read())
            return Build(seconds, watch.peak_bytes, usage.ru_maxrss * 1024, json.load(output))

    def file_sizes(self) -> dict[str, int]:
        """Bytes of the database's files, by kind."""
        sizes: dict[str, int] = defaultdict(int)
        for file in self.database.iterdir():
            sizes[{".vseg": "segments", ".sqlite": "catalog"}.get(file.suffix, "other")] += file.stat().st_size
        return dict(sizes)

    def grid(self) -> dict[str, list[int]]:
        return tree_grid(self.workload.leaves)

    def run(self, mode: Mode, settings: Sequence[Setting]) -> list[Point]:
        """`vecdb eval` of the settings; those with the same reorder values share a process."""
        reorders: dict[int, set[int]] = defaultdict(set)
        for setting in settings:
            reorders[setting["leaves_to_search"]].add(setting["reorder"])
        together: dict[tuple[int, ...], list[int]] = defaultdict(list)
        for leaves, values in sorted(reorders.items()):
            together[tuple(sorted(values))].append(leaves)
        points = []
        for values, leaves in together.items():
            points += [_point(row) for row in self._sweep(leaves, values, mode == "batch", 1)]
        return points

    def queries_per_second(self, setting: Setting, batch: bool, threads: int) -> float:
        """Of all threads together."""
        return self._sweep([setting["leaves_to_search"]], [setting["reorder"]], batch, threads)[0]["qps"]

    def exact(self, queries: Path, truth: Path, batch: bool, threads: int) -> Point:
        """Brute force over every row."""
        return _point(self._evaluate(queries, truth, "--exact", *_timing(batch, threads))[0])

    def cold(self, setting: Setting, count: int) -> dict[str, Any]:
        """The first queries, with none of the database's pages in memory before each."""
        sweep = _sweep_argument([setting["leaves_to_search"]], [setting["reorder"]])
        files = (self.workload.queries, self.workload.truth)
        return self._evaluate(*files, "--sweep", sweep, "--threads", "1", "--cold", str(count))[0]

    def opening(self) -> dict[str, Any]:
        """Time to open and to answer first, and resident bytes before and after, in a new process."""
        arguments = ["eval", str(self.database), "--queries", str(self.workload.queries), "--open", "--json"]
        return json.loads(self._output(*arguments))

    def whole_process_seconds(self, query: np.ndarray) -> float:
        """A new `vecdb query` process, from its start to its end."""
        vector = json.dumps([float(value) for value in query])
        command = ["query", str(self.database), "--vector", vector, "-k", str(self.workload.k), "--format", "ndjson"]
        return self._seconds(*command)

    def empty_process_seconds(self) -> float:
        """A `vecdb` process that only says its version."""
        return self._seconds("--version")

    def _sweep(self, leaves: Sequence[int], reorders: Sequence[int], batch: bool, threads: int) -> list[dict[str, Any]]:
        sweep = ("--sweep", _sweep_argument(leaves, reorders))
        return self._evaluate(self.workload.queries, self.workload.truth, *sweep, *_timing(batch, threads))

    def _evaluate(self, queries: Path, truth: Path, *arguments: str) -> list[dict[str, Any]]:
        common = ["eval", str(self.database), "--queries", str(queries), "-k", str(self.workload.k)]
        return json.loads(self._output(*common, "--truth", str(truth), *arguments, "--json"))

    def _seconds(self, *arguments: str) -> float:
        started = time.perf_counter()
        self._output(*arguments)
        return time.perf_counter() - started

    def _output(self, *arguments: str) -> str:
        command = [str(self.executable), *arguments]
        done = subprocess.run(command, env=self.environment, capture_output=True, text=True)
        if done.returncode != 0:
            raise _failure(command, done.returncode, done.stderr)
        return done.stdout


def _point(row: dict[str, Any]) -> Point:
    setting = {name: row[name] for name in ("leaves_to_search", "reorder") if row[name] is not None}
    return Point(setting, row["recall"], row["mean_us"], row.get("p50_us"), row.get("p99_us"))


def _sweep_argument(leaves: Sequence[int], reorders: Sequence[int]) -> str:
    return f"leaves-to-search={','.join(map(str, leaves))};reorder={','.join(map(str, reorders))}"


def _timing(batch: bool, threads: int) -> list[str]:
    """One timed pass at a time: passes of both sides take turns."""
    return ["--passes", "1", "--threads", str(threads), *(["--batch"] if batch else [])]


def _failure(command: list[str], status: int, errors: str) -> BenchmarkError:
    shown = " ".join(word if len(word) < 200 else word[:200] + "…" for word in command)
    return BenchmarkError(f"exit code {status} from: {shown}\n{errors.strip()}")
