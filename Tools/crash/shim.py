"""The preloaded library: asking it for something, reading what it wrote down."""

import os
from dataclasses import dataclass
from pathlib import Path

SOURCE_FOLDER = Path(__file__).with_name("preloaded")
# Kinds that only locks have, or that lose nothing in a crash.
UNTRACKED = frozenset({"flock", "record-lock", "owner", "mode", "open"})


@dataclass(frozen=True)
class Call:
    """One call that changes a file, as preloaded/counting.c records it."""

    number: int
    kind: str
    inode: int
    offset: int
    length: int
    result: int
    errno: int
    path: str
    other: str
    data: bytes

    @property
    def name(self) -> str:
        """Of the file, with what is random in it left out."""
        name = os.path.basename(self.path)
        if name.startswith("segment-"):
            return "segment"
        if ".building-" in name:
            return "sibling"
        # Scratch files have no name, or none any more.
        return "scratch" if name.startswith(".scratch-") or name.endswith(" (deleted)") else name

    def __str__(self) -> str:
        return f"call {self.number} ({self.kind} {self.name})"


def environment(library: Path, root: Path, **settings: object) -> dict[str, str]:
    """The environment of a process whose calls below `root` are counted; `settings` as preloaded/preloaded.h lists them."""
    wanted = {f"CRASH_{name.upper()}": str(value) for name, value in settings.items()}
    return {**os.environ, "LD_PRELOAD": str(library), "CRASH_ROOT": str(root), **wanted}


def read_log(path: Path) -> list[Call]:
    """The recorded calls, in the order in which they happened; an acknowledgement has number 0."""
    content = path.read_bytes()
    calls, place = [], 0
    while place < len(content):
        end = content.index(b"\n", place)
        fields = content[place:end].decode().split("\t")
        number, kind = int(fields[0]), fields[1]
        inode, offset, length, result, errno, logged = map(int, fields[2:8])
        place = end + 1 + logged
        data = content[end + 1 : place]
        calls.append(Call(number, kind, inode, offset, length, result, errno, fields[8], fields[9], data))
    return calls
