"""What the figures were measured on and with."""

import datetime
import hashlib
import os
import platform
import subprocess
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

ROUND_SECONDS = 0.3
SHOWN_FLAGS = ("avx2", "avx512f", "avx512bw", "avx512vbmi", "avx512_vnni", "asimd", "asimddp", "i8mm", "sve")


def description(root: Path) -> dict[str, Any]:
    """The processor, memory, system, date and source revision."""
    fields = _processor_fields()
    flags = fields.get("flags", fields.get("Features", "")).split()
    return {
        "processor": fields.get("model name", platform.processor() or platform.machine()),
        "family_model": "/".join(fields[name] for name in ("cpu family", "model") if name in fields),
        "cores": os.cpu_count(),
        "instruction_sets": [flag for flag in SHOWN_FLAGS if flag in flags],
        "caches": _caches(),
        "memory_bytes": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "revision": _revision(root),
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
    }


def scaling_of_arithmetic(rounds: int) -> float:
    """How much more two processes compute than one, of what needs no memory: what two threads of a search can reach."""
    best = {1: 0, 2: 0}
    with ProcessPoolExecutor(2) as pool:
        for _ in range(rounds):
            for processes in best:
                best[processes] = max(best[processes], sum(pool.map(_hashes_within, [ROUND_SECONDS] * processes)))
    return best[2] / best[1]


def _hashes_within(seconds: float) -> int:
    end = time.perf_counter() + seconds
    count = 0
    while time.perf_counter() < end:
        for _ in range(100):
            hashlib.sha256(b"of what lies in registers and the nearest cache").digest()
        count += 100
    return count


def _processor_fields() -> dict[str, str]:
    """The first processor's lines of /proc/cpuinfo."""
    path = Path("/proc/cpuinfo")
    text = path.read_text().split("\n\n")[0] if path.is_file() else ""
    pairs = (line.split(":", 1) for line in text.splitlines() if ":" in line)
    return {name.strip(): value.strip() for name, value in pairs}


def _caches() -> list[str]:
    """Like 'L2 1024K': the caches that the first core sees."""
    caches = []
    for index in sorted(Path("/sys/devices/system/cpu/cpu0/cache").glob("index*")):
        level, kind, size = ((index / name).read_text().strip() for name in ("level", "type", "size"))
        caches.append(f"L{level}{ {'Data': 'd', 'Instruction': 'i'}.get(kind, '') } {size}")
    return caches


def _revision(root: Path) -> str:
    done = subprocess.run(["git", "describe", "--always", "--dirty"], cwd=root, capture_output=True, text=True)
    return done.stdout.strip() or "unknown"
