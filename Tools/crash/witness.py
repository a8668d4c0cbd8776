"""strace beside the preloaded library: whether every call that changes a file is counted."""

import re
import subprocess
from collections import Counter
from pathlib import Path

from experiment.errors import Violation

from . import shim
from .operations import Prepared
from .world import World

# System calls by the kind that the library records for them.
KINDS = {
    "openat": "open", "open": "open", "creat": "open",
    "write": "write", "pwrite64": "write", "writev": "write", "pwritev": "write", "pwritev2": "write",
    "truncate": "truncate", "ftruncate": "truncate", "fallocate": "allocate",
    "rename": "rename", "renameat": "rename", "renameat2": "rename",
    "link": "link", "linkat": "link", "symlink": "link", "symlinkat": "link",
    "unlink": "unlink", "unlinkat": "unlink", "rmdir": "rmdir", "mkdir": "mkdir", "mkdirat": "mkdir",
    "mknod": "create", "mknodat": "create",
    "fsync": "sync", "fdatasync": "sync", "sync_file_range": "sync", "sync": "sync", "syncfs": "sync", "msync": "sync",
    "flock": "flock", "fcntl": "record-lock",
    "chmod": "mode", "fchmod": "mode", "fchmodat": "mode", "chown": "owner", "fchown": "owner", "lchown": "owner",
    "fchownat": "owner", "setxattr": "mode", "fsetxattr": "mode", "utimensat": "mode", "utime": "mode",
    "copy_file_range": "write", "sendfile": "write", "splice": "write", "mmap": "mapped write",
    "io_uring_setup": "ring", "process_vm_writev": "ring",
}  # fmt: skip
# What SQLite is given: paths through the descriptor of a directory.
THROUGH = re.compile(r"/proc/self/fd/(\d+)")
OPENED = re.compile(r" = (\d+)<([^>]*)>$")
LINE = re.compile(r"^(?:\d+ +)?(\w+)\((.*)\) += (-?\d+)")


def check(world: World, prepared: Prepared) -> int:
    """Compares the calls of one run, as the kernel sees them, with those that the library counts.

    Returns how many there are.
    """
    place = prepared.copy(world)
    log, trace = world.path / f"{place.name}.log", world.path / f"{place.name}.strace"
    loaded = [f"LD_PRELOAD={world.shim}", f"CRASH_ROOT={place}", f"CRASH_LOG={log}"]
    words = ["strace", "-f", "-y", "-s", "0", "-o", str(trace), "-e", "trace=" + ",".join(f"?{name}" for name in KINDS)]
    words += [word for setting in loaded for word in ("-E", setting)]
    outcome = subprocess.run(
        [*words, str(world.vecdb), *prepared.words(world, place)], stdin=subprocess.DEVNULL, capture_output=True, text=True
    )
    if outcome.returncode != 0:
        raise Violation(f"under strace it ended with {outcome.returncode}: {outcome.stderr.strip()[-300:]}")
    seen = _kernel_calls(trace, place)
    counted = Counter(_plain(call.kind, call.path) for call in shim.read_log(log) if call.number)
    log.unlink()
    trace.unlink()
    world.discard(place)
    if seen != counted:
        raise Violation(f"strace saw {dict(seen - counted)} that the library missed; only it has {dict(counted - seen)}")
    return sum(counted.values())


def _plain(kind: str, path: str) -> str:
    """The kind that the system call alone tells."""
    return {"create": "open", "rmdir": "unlink"}.get(kind, kind)


def _whole_lines(trace: Path) -> list[str]:
    """The lines of a trace; calls that another thread's interrupted in the middle are put together again."""
    begun: dict[str, str] = {}
    lines = []
    for line in trace.read_text(errors="replace").splitlines():
        thread = line.split(" ", 1)[0]
        if line.endswith("<unfinished ...>"):
            begun[thread] = line.removesuffix("<unfinished ...>").rstrip()
        elif resumed := re.match(r"^\d+ +<\.\.\. \w+ resumed>(.*)$", line):
            lines.append(begun.pop(thread, thread) + resumed.group(1))
        else:
            lines.append(line)
    return lines


def _kernel_calls(trace: Path, place: Path) -> Counter[str]:
    found: Counter[str] = Counter()
    below = re.compile(re.escape(str(place)) + '[/">]')
    descriptors: dict[str, str] = {}
    for line in _whole_lines(trace):
        line = THROUGH.sub(lambda number: descriptors.get(number.group(1), number.group()), line)
        if opened := OPENED.search(line):
            descriptors[opened.group(1)] = opened.group(2)
        match = LINE.match(line)
        if not match or not below.search(line):
            continue
        name, arguments, _ = match.groups()
        if name in ("openat", "open") and not re.search(r"O_CREAT|O_TRUNC", arguments):
            continue
        if name == "fcntl" and not re.search(r"F_(OFD_)?SETLKW?\b", arguments):
            continue
        if name == "mmap" and not ("PROT_WRITE" in arguments and "MAP_SHARED" in arguments):
            continue
        found[_plain(KINDS[name], "")] += 1
    return found
