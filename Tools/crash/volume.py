"""A disk that loses power: which files could be there after each prefix of the recorded calls.

What is synced stays: a file's bytes and size after a sync of it, a directory's entries after a sync of it. Of everything
later any part may have reached the disk, in any order: whole calls, the 512-byte sectors of a write, a new size without
its bytes (then zeros, or what lay there before).
"""

import hashlib
import os
import random
from dataclasses import dataclass, field
from pathlib import Path

from experiment.errors import HarnessError

from .shim import UNTRACKED, Call

SECTOR = 512
# Path below the root → bytes, or None for a directory.
Tree = dict[str, "bytes | None"]


@dataclass(eq=False)
class File:
    durable: bytes = b""
    pending: list[Call] = field(default_factory=list)


@dataclass(eq=False)
class Directory:
    durable: dict[str, "Node"] = field(default_factory=dict)
    current: dict[str, "Node"] = field(default_factory=dict)
    # Each change of entries that reaches the disk as a whole or not at all; None removes the name.
    pending: list[dict[str, "Node | None"]] = field(default_factory=list)

    def change(self, entries: dict[str, "Node | None"]) -> None:
        self.pending.append(entries)
        _enter(self.current, entries)


Node = "File | Directory"


class Volume:
    """Replays recorded calls on what a directory held before them."""

    def __init__(self, origin: Path, recorded_at: str):
        self._recorded_at = recorded_at
        self._files: dict[int, File] = {}
        self._root = _scanned(origin)

    def apply(self, call: Call) -> None:
        """Takes the next call; one that failed has changed nothing."""
        if call.number == 0 or call.result < 0 or call.kind in UNTRACKED:
            return
        if call.path.endswith(" (deleted)") and call.inode not in self._files:
            return  # it never had a name, so that nothing of it is there afterwards
        if call.kind in ("write", "truncate", "allocate"):
            self._file(call).pending.append(call)
        elif call.kind == "sync":
            self._sync(call)
        else:
            self._change_names(call)

    def _file(self, call: Call) -> File:
        if call.inode not in self._files:
            found = self._look_up(call.path)
            if not isinstance(found, File):
                raise HarnessError(f"{call}: no such file is known")
            self._files[call.inode] = found
        return self._files[call.inode]

    def _change_names(self, call: Call) -> None:
        parent, name = self._parent(call.path)
        if call.kind == "create":
            self._files[call.inode] = file = File()
            parent.change({name: file})
        elif call.kind == "mkdir":
            parent.change({name: Directory()})
        elif call.kind in ("unlink", "rmdir"):
            parent.change({name: None})
        elif call.kind == "rename":
            target, new_name = self._parent(call.other)
            if target is not parent:
                raise HarnessError(f"{call}: a rename to another directory is not modelled")
            parent.change({name: None, new_name: parent.current[name]})
        else:
            raise HarnessError(f"{call}: this kind of call is not modelled")

    def _sync(self, call: Call) -> None:
        found = None if call.path.endswith(" (deleted)") else self._look_up(call.path)
        if isinstance(found, Directory):
            found.durable, found.pending = dict(found.current), []
        else:
            file = self._file(call)
            content = bytearray(file.durable)
            for change in file.pending:
                _apply(content, change)
            file.durable, file.pending = bytes(content), []

    def _look_up(self, path: str) -> "Node | None":
        node: "Node" = self._root
        for name in self._names(path):
            if not isinstance(node, Directory) or name not in node.current:
                return None
            node = node.current[name]
        return node

    def _parent(self, path: str) -> "tuple[Directory, str]":
        parent = self._look_up(os.path.dirname(path))
        if not isinstance(parent, Directory):
            raise HarnessError(f"{path}: its directory is not known")
        return parent, os.path.basename(path)

    def _names(self, path: str) -> list[str]:
        below = os.path.relpath(path, self._recorded_at)
        return [] if below == "." else below.split("/")

    # states

    def synced(self) -> Tree:
        """Only what was synced."""
        return self._tree(None)

    def torn(self, generator: random.Random) -> Tree:
        """What was synced, and a random part of the rest."""
        return self._tree(_Luck(generator))

    def _tree(self, luck: "_Luck | None") -> Tree:
        tree: Tree = {}

        def visit(directory: Directory, path: str) -> None:
            entries = dict(directory.durable)
            for change in directory.pending if luck else ():
                if luck.keeps():
                    _enter(entries, change)
            for name, node in sorted(entries.items()):
                if isinstance(node, Directory):
                    tree[path + name] = None
                    visit(node, f"{path}{name}/")
                else:
                    tree[path + name] = luck.content(node) if luck else node.durable

        visit(self._root, "")
        return tree


class _Luck:
    """What of the unsynced calls has reached the disk, drawn at random."""

    def __init__(self, generator: random.Random):
        self._generator = generator
        # 1 is everything: what a kill leaves.
        self._share = generator.choice((0.15, 0.5, 0.85, 1.0))
        self._fill = generator.choice((b"\0", b"\xa5"))

    def keeps(self) -> bool:
        return self._generator.random() < self._share

    def content(self, file: File) -> bytes:
        if not file.pending:
            return file.durable
        content = bytearray(file.durable)
        for call in file.pending:
            if self.keeps():
                _apply(content, call)
            elif call.kind == "write":
                self._tear(content, call)
        return bytes(content)

    def _tear(self, content: bytearray, call: Call) -> None:
        """Some sectors of a write, and perhaps its size."""
        outcome = self._generator.random()
        if outcome < 0.4:
            return
        end = call.offset + len(call.data)
        if end > len(content) and outcome < 0.7:
            content.extend(self._fill * (end - len(content)))
        start = call.offset
        while start < end:
            next_sector = min(end, (start // SECTOR + 1) * SECTOR)
            if self.keeps() and start <= len(content):
                _write(content, start, call.data[start - call.offset : next_sector - call.offset])
            start = next_sector


def _enter(entries: "dict[str, Node]", change: "dict[str, Node | None]") -> None:
    for name, node in change.items():
        if node is None:
            entries.pop(name, None)
        else:
            entries[name] = node


def _apply(content: bytearray, call: Call) -> None:
    if call.kind == "write":
        _write(content, call.offset, call.data)
    elif call.kind == "truncate":
        del content[call.length :]
        content.extend(bytes(call.length - len(content)))
    else:
        content.extend(bytes(max(0, call.offset + call.length - len(content))))


def _write(content: bytearray, offset: int, data: bytes) -> None:
    if offset > len(content):
        content.extend(bytes(offset - len(content)))
    content[offset : offset + len(data)] = data


def _scanned(path: Path) -> Directory:
    directory = Directory()
    for entry in path.iterdir():
        directory.durable[entry.name] = _scanned(entry) if entry.is_dir() else File(entry.read_bytes())
    directory.current = dict(directory.durable)
    return directory


def digest(tree: Tree) -> bytes:
    """Equal for equal trees."""
    sum = hashlib.blake2b(digest_size=16)
    for path, content in sorted(tree.items()):
        sum.update(f"{path}\0{-1 if content is None else len(content)}\0".encode())
        sum.update(content or b"")
    return sum.digest()


def materialise(tree: Tree, place: Path) -> None:
    """Makes the files of a tree in an empty directory."""
    for path, content in sorted(tree.items()):
        if content is None:
            (place / path).mkdir()
        else:
            (place / path).write_bytes(content)
