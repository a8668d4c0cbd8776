"""Where experiments happen: one temporary directory, and the executable under test."""

import itertools
import shutil
import subprocess
import tempfile
from pathlib import Path

from .errors import HarnessError, Violation

# Waited for second by second: a machine that sleeps, or a harness that is paused, is taken for no hang.
TIMEOUT_SECONDS = 60


class World:
    """One temporary directory with everything in it."""

    def __init__(self, name: str, vecdb: Path, directory: "Path | None"):
        if not vecdb.is_file():
            raise HarnessError(f"{vecdb}: no such file; build it with 'swift build -c release --product vecdb'")
        memory = Path("/dev/shm")
        parent = directory or (memory if memory.is_dir() else None)
        if directory:
            directory.mkdir(parents=True, exist_ok=True)
        self.vecdb = vecdb
        self.path = Path(tempfile.mkdtemp(prefix=f"vecdb-{name}-", dir=parent)).resolve()
        self._numbers = itertools.count(1)

    def close(self) -> None:
        shutil.rmtree(self.path, ignore_errors=True)

    def new_place(self, name: str) -> Path:
        """An empty directory."""
        place = self.path / f"{name}-{next(self._numbers)}"
        place.mkdir()
        return place

    def start(self, command: list[str], **options: object) -> "subprocess.Popen[str]":
        """Starts a program that is given no input; its output is kept."""
        return subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options
        )

    def finish(self, process: "subprocess.Popen[str]", name: str) -> "subprocess.CompletedProcess[str]":
        """Waits for the end of a process that `start` started; raises Violation for a hang."""
        for _ in range(TIMEOUT_SECONDS):
            try:
                output, error = process.communicate(timeout=1)
                return subprocess.CompletedProcess(process.args, process.returncode, output, error)
            except subprocess.TimeoutExpired:
                pass
        process.kill()
        process.communicate()
        raise Violation(f"{name} did not end within {TIMEOUT_SECONDS} s")
