"""Small libraries in C: to be preloaded into vecdb, or called from here."""

import shutil
import subprocess
from pathlib import Path

from .errors import HarnessError


def compiled(source: Path, directory: Path) -> Path:
    """The library, made from a file of C or from all in a folder."""
    sources = sorted(source.glob("*.c")) if source.is_dir() else [source]
    compiler = next((found for name in ("clang", "cc", "gcc") if (found := shutil.which(name))), None)
    if not compiler:
        raise HarnessError("no C compiler found; clang comes with the Swift toolchain: put its usr/bin on PATH")
    library = directory / f"{source.stem}.so"
    command = [compiler, "-O2", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-o", str(library)]
    outcome = subprocess.run([*command, *map(str, sources), "-ldl", "-lpthread"], capture_output=True, text=True)
    if outcome.returncode:
        raise HarnessError(f"{source} does not compile:\n{outcome.stderr}")
    return library
