"""One libFuzzer process: starting it, and reading what it says."""

import os
import re
import shutil
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from .corpus import ROOT
from .words import write_dictionary

EXECUTABLE = ROOT / ".build-fuzz" / "release" / "fuzz"
WORK = ROOT / ".build" / "fuzz"
CRASHES = WORK / "crashes"

# In memory; an honest input of 100 KB needs a few MB, and one allocation at most what a reader's own buffers have. The
# limit of one allocation is in force only while libFuzzer looks for leaks as well.
MEMORY_LIMITS = ("-rss_limit_mb=512", "-malloc_limit_mb=8")
# Freed memory stays poisoned until a megabyte has followed it.
SANITIZER = (
    "detect_leaks=0:symbolize=1:quarantine_size_mb=1:thread_local_quarantine_size_kb=64:max_malloc_fill_size=0"
)


@dataclass
class Outcome:
    """What a process did."""

    executions: int
    seconds: float
    edges: int
    inputs: int
    # The reason that libFuzzer or the sanitizer gives; empty when there was no crash.
    crash: str
    # Whether somebody ended it from outside.
    was_ended: bool
    # The input that crashed.
    artifact: str
    output: str

    @property
    def failed(self) -> bool:
        """A run of nothing shows nothing."""
        return bool(self.crash) or not self.executions


def fuzz(
    target: str, *options: str, corpora: tuple[Path, ...] = (), instruction_set: str = "", explains: bool = False
) -> Outcome:
    """Runs a target; new inputs go to the first corpus.

    When it `explains`, a report of the sanitizer also says who allocated and freed the memory, which takes time to note.
    """
    scratch = Path(tempfile.mkdtemp(prefix="vecdb-fuzz-", dir="/dev/shm"))
    CRASHES.mkdir(parents=True, exist_ok=True)
    environment = {
        **os.environ,
        "FUZZ_TARGET": target,
        "FUZZ_SCRATCH": str(scratch),
        "SWIFT_BACKTRACE": "enable=no",
        "ASAN_OPTIONS": f"{SANITIZER}:malloc_context_size={16 if explains else 0}",
    }
    if instruction_set:
        environment["VECDB_INSTRUCTION_SET"] = instruction_set
    fixed = ("-timeout=60", "-print_final_stats=1", f"-artifact_prefix={CRASHES}/{target}-")
    dictionary = scratch / "words"
    words = [f"-dict={dictionary}"] if write_dictionary(target, dictionary) else []
    command = [str(EXECUTABLE), *MEMORY_LIMITS, *fixed, *words, *options, *map(str, corpora)]
    started = time.monotonic()
    try:
        done = subprocess.run(
            command, env=environment, cwd=scratch, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
            errors="replace", check=False,
        )
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return _read(done.stderr, done.returncode, time.monotonic() - started)


def _read(output: str, status: int, seconds: float) -> Outcome:
    def last(pattern: str) -> int:
        found = re.findall(pattern, output)
        return int(found[-1]) if found else 0

    executions = last(r"stat::number_of_executed_units: (\d+)") or last(r"(?m)^#(\d+)\t")
    artifact = re.search(r"Test unit written to (\S+)", output)
    crash = ""
    # Who ends a run from outside finds nothing by it; what was executed counts.
    was_ended = "libFuzzer: run interrupted" in output
    if status and not was_ended:
        reason = re.search(r"ERROR: (?:AddressSanitizer|libFuzzer): ([^\n]+)", output)
        crash = reason.group(1).strip() if reason else f"exit status {status}"
    return Outcome(
        executions, seconds, last(r"cov: (\d+)"), last(r"corp: (\d+)"), crash, was_ended,
        artifact.group(1) if artifact else "", output,
    )
