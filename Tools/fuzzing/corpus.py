"""The committed inputs, and how they stay few and small."""

import hashlib
import shutil
from pathlib import Path

ROOT = Path(__file__).parents[2]
CORPUS = Path(__file__).with_name("corpus")
# A file above this size is not committed, nor are the largest where all of a target are more than that.
FILE_BYTE_LIMIT = 100_000
TARGET_BYTE_LIMIT = 1_200_000


def add_input(directory: Path, content: bytes) -> None:
    """Adds an input under the name that libFuzzer would give it: the SHA-1 of its bytes."""
    if len(content) > FILE_BYTE_LIMIT:
        return
    directory.mkdir(parents=True, exist_ok=True)
    (directory / hashlib.sha1(content).hexdigest()).write_bytes(content)


def inputs(directory: Path) -> list[Path]:
    return sorted(path for path in directory.iterdir() if path.is_file()) if directory.is_dir() else []


def replace(directory: Path, minimised: Path) -> None:
    """Puts a minimised corpus in the place of the committed one. Inputs that once crashed stay: `regression-…`."""
    for path in inputs(directory):
        if not path.name.startswith("regression-"):
            path.unlink()
    directory.mkdir(parents=True, exist_ok=True)
    total = 0
    for path in sorted(inputs(minimised), key=lambda path: path.stat().st_size):
        total += path.stat().st_size
        if path.stat().st_size <= FILE_BYTE_LIMIT and total <= TARGET_BYTE_LIMIT:
            shutil.copyfile(path, directory / path.name)
