"""A peer seen from the benchmark: requests to its process."""

import json
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from ..errors import BenchmarkError
from ..frontier import Point, Setting
from ..measure import Mode
from ..memory import PeakWatch
from ..workloads import Workload

PACKAGES = Path(__file__).parents[2]


class PeerMissing(Exception):
    """The peer's library is not installed; the text is Python's."""


class PeerProcess:
    """A peer with the vectors of one workload, and a tree of so many leaves where it has one."""

    def __init__(self, name: str, workload: Workload, log: Path, leaves: int | None = None) -> None:
        self.name = name if leaves in (None, workload.leaves) else f"{name}, {leaves:,} leaves"
        self.log = log
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("w") as errors:
            self.process = subprocess.Popen(
                [sys.executable, "-m", f"{__package__}.worker", name],
                cwd=PACKAGES,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
            )
        greeting = self._answer()
        if "missing" in greeting:
            self.close()
            raise PeerMissing(greeting["missing"])
        self.version: str = greeting["version"]
        self.values: dict[str, list[int]] = self._ask(
            "load",
            base=str(workload.base),
            queries=str(workload.queries),
            truth=str(workload.truth),
            metric=workload.metric,
            leaves=leaves or workload.leaves,
            k=workload.k,
        )["grid"]

    def build(self) -> dict[str, Any]:
        """Seconds, and anonymous bytes beyond those of the vectors: at the peak, and kept."""
        with PeakWatch(self.process.pid) as watch:
            answer = self._ask("build")
        return {
            "seconds": answer["seconds"],
            "peak_anonymous_bytes": max(0, watch.peak_bytes - answer["before_bytes"]),
            "kept_bytes": max(0, answer["after_bytes"] - answer["before_bytes"]),
        }

    def grid(self) -> dict[str, list[int]]:
        return self.values

    def run(self, mode: Mode, settings: Sequence[Setting]) -> list[Point]:
        return [Point.from_record(record) for record in self._ask(mode, settings=list(settings))["points"]]

    def empty_call_us(self) -> float:
        return self._ask("empty_call")["microseconds"]

    def close(self) -> None:
        """Ends the process by ending its input."""
        self.process.stdin.close()
        self.process.wait()

    def _ask(self, what: str, **values: Any) -> dict[str, Any]:
        # A process that has died cannot be asked; reading its answer says why.
        with suppress(BrokenPipeError):
            print(json.dumps({"do": what, **values}), file=self.process.stdin, flush=True)
        return self._answer()

    def _answer(self) -> dict[str, Any]:
        line = self.process.stdout.readline()
        if not line:
            status = self.process.wait()
            last = self.log.read_text(errors="replace").strip()[-2000:]
            raise BenchmarkError(f"{self.name} ended with exit code {status}:\n{last}")
        return json.loads(line)
