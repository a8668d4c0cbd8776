"""Watches the memory of another process."""

import threading
from pathlib import Path

INTERVAL_SECONDS = 0.02


def anonymous_bytes(pid: int) -> int:
    """Resident bytes of a process that belong to no file; 0 once it has ended."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    for line in status.splitlines():
        if line.startswith("RssAnon:"):
            return int(line.split()[1]) * 1024
    return 0


class PeakWatch:
    """Samples a process while the `with` block runs; `peak_bytes` is the most that was seen."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.peak_bytes = 0
        self.done = threading.Event()
        self.thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> "PeakWatch":
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.done.set()
        self.thread.join()

    def _watch(self) -> None:
        while True:
            self.peak_bytes = max(self.peak_bytes, anonymous_bytes(self.pid))
            if self.done.wait(INTERVAL_SECONDS):
                return
