"""Small libraries in C: to be preloaded into vecdb, or called from here."""

import shutil
import subprocess
from pathlib import Path

from .errors import HarnessError


def compiled(source: Path, directory: Path) -> Path:
    """The library, made from a file of C."""
    compiler = next((found for name in ("clang", "cc", "gcc") if (found := shutil.which(name))), None)
    if not compiler:
        raise HarnessError("no C compiler found; clang comes with the Swift toolchain: put its usr/bin on PATH")
    library = directory / f"{source.stem}.so"
    command = [compiler, "-O2", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-o", str(library), str(source)]
    outcome = subprocess.run([*command, "-ldl", "-lpthread"], capture_output=True, text=True)
    if outcome.returncode:
        raise HarnessError(f"{source} does not compile:\n{outcome.stderr}")
    return library
