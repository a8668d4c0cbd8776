"""The export directory: written beside its place, complete and synced, then renamed into it."""

import hashlib
import json
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from .errors import TrainerError, text_of

MANIFEST = "manifest.json"
FORMAT = "vecdb-embedding-export"
VERSION = 1


@contextmanager
def written_at_once(folder: Path, overwrite: bool) -> Iterator[Path]:
    """Yields a new directory to write into, which becomes `folder` when the block ends without an error.

    An existing export is replaced only with `overwrite`, and nothing but an export ever is. Replacing renames the old
    directory away first: a process killed between the two renames leaves it as '.NAME.old-…' beside the new one.
    """
    folder = Path(os.path.abspath(folder))
    refuse_what_must_stay(folder, overwrite)
    mark = f"{os.getpid()}-{secrets.token_hex(4)}"
    partial = folder.with_name(f".{folder.name}.partial-{mark}")
    old = folder.with_name(f".{folder.name}.old-{mark}")
    try:
        partial.mkdir(parents=True)
    except OSError as error:
        raise TrainerError(f"{partial.parent}: {text_of(error)}") from error
    try:
        yield partial
        _sync(partial)
        # Something may have come into existence meanwhile.
        refuse_what_must_stay(folder, overwrite)
        if folder.exists():
            folder.rename(old)
        try:
            partial.rename(folder)
        except OSError:
            if old.exists():
                old.rename(folder)
            raise
        _sync_directory(folder.parent)
    except OSError as error:
        shutil.rmtree(partial, ignore_errors=True)
        raise TrainerError(f"{folder}: cannot be written: {text_of(error)}") from error
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise
    shutil.rmtree(old, ignore_errors=True)


def refuse_what_must_stay(folder: Path, overwrite: bool) -> None:
    """An error unless `folder` is free, empty, or an export that may be replaced."""
    if not os.path.lexists(folder):
        return
    if folder.is_symlink() or not folder.is_dir():
        raise TrainerError(f"{folder}: exists and is no directory")
    if not any(folder.iterdir()):
        return
    if _manifest_of(folder) is None:
        raise TrainerError(f"{folder}: holds files but no export, and is left alone; choose another directory")
    if not overwrite:
        raise TrainerError(f"{folder}: exists; allow with 'overwrite' that it is replaced, or choose another directory")


def write_manifest(folder: Path, content: dict[str, Any]) -> None:
    """Writes the manifest last: `content` with format and version before it, and the hash of every file it names."""
    names = [
        section[key]
        for section in (content.get("candidates"), content.get("queries"), content.get("test"))
        if section
        for key in ("vectors", "ids", "metadata", "pairs")
        if key in section
    ]
    hashes = {name: sha256_of(folder / name) for name in names}
    manifest = {"format": FORMAT, "version": VERSION, **content, "sha256": hashes}
    (folder / MANIFEST).write_text(json.dumps(manifest, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def read_manifest(folder: Path) -> dict[str, Any]:
    """The manifest of an export, with the hashes of its files checked."""
    manifest = _manifest_of(folder)
    if manifest is None:
        raise TrainerError(f"{folder}: no export directory; its {MANIFEST} is missing or of another format")
    if manifest.get("version") != VERSION:
        raise TrainerError(f"{folder / MANIFEST}: expected version {VERSION}, found {manifest.get('version')}")
    for name, expected in manifest["sha256"].items():
        found = sha256_of(folder / name)
        if found != expected:
            raise TrainerError(f"{folder / name}: expected SHA-256 {expected}, found {found}; export it again")
    return manifest


def sha256_of(path: Path) -> str:
    """The file's SHA-256, read in pieces."""
    digest = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while piece := file.read(1 << 20):
                digest.update(piece)
    except OSError as error:
        raise TrainerError(f"{path}: {text_of(error)}") from error
    return digest.hexdigest()


def _manifest_of(folder: Path) -> dict[str, Any] | None:
    """The manifest, or nothing when `folder` is no export directory."""
    try:
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return manifest if isinstance(manifest, dict) and manifest.get("format") == FORMAT else None


def _sync(folder: Path) -> None:
    for path in folder.iterdir():
        with path.open("rb") as file:
            os.fsync(file.fileno())
    _sync_directory(folder)


def _sync_directory(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
