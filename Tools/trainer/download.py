"""Fetches a MovieLens archive from GroupLens and unpacks it."""

import hashlib
import shutil
import tempfile
import urllib.error
import urllib.request
import zipfile
from dataclasses import dataclass
from pathlib import Path

from .errors import TrainerError, text_of

SERVER = "https://files.grouplens.org/datasets/movielens/"
TIMEOUT_SECONDS = 30


@dataclass(frozen=True)
class Archive:
    """An archive as published: `folder` is what it unpacks to."""

    folder: str
    byte_count: int
    sha256: str

    @property
    def url(self) -> str:
        return f"{SERVER}{self.folder}.zip"


ARCHIVES = {
    "100k": Archive("ml-100k", 4_924_029, "50d2a982c66986937beb9ffb3aa76efe955bf3d5c6b761f4e3a7cd717c6a3229"),
    "latest-small": Archive(
        "ml-latest-small", 978_202, "696d65a3dfceac7c45750ad32df2c259311949efec81f0f144fdfb91ebc9e436"
    ),
    "1m": Archive("ml-1m", 5_917_549, "a6898adb50b9ca05aa231689da44c217cb524e7ebd39d264c56e2832f2c54e20"),
}


def fetch(name: str, folder: Path) -> Path:
    """The unpacked data set below `folder`, fetched unless an earlier run has."""
    archive = ARCHIVES[name]
    target = folder / archive.folder
    if target.is_dir():
        return target
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder) as temporary:
        file = Path(temporary) / "archive.zip"
        _download(archive, file)
        _check(archive, file)
        with zipfile.ZipFile(file) as content:
            content.extractall(temporary)
        (Path(temporary) / archive.folder).rename(target)
    return target


def _download(archive: Archive, file: Path) -> None:
    try:
        with urllib.request.urlopen(archive.url, timeout=TIMEOUT_SECONDS) as response, file.open("wb") as output:
            shutil.copyfileobj(response, output)
    except urllib.error.HTTPError as error:
        raise TrainerError(f"{archive.url}: the server answered {error.code} {error.reason}") from error
    except OSError as error:
        reason = getattr(error, "reason", error)
        text = text_of(reason) if isinstance(reason, OSError) else str(reason)
        raise TrainerError(
            f"{archive.url}: cannot be reached ({text}); fetch it where there is a network, unpack it, "
            f"and give the folder with '--data {archive.folder}'"
        ) from error


def _check(archive: Archive, file: Path) -> None:
    """Refuses an archive that is not the one whose hash is known; GroupLens may have published another since."""
    byte_count = file.stat().st_size
    found = hashlib.sha256(file.read_bytes()).hexdigest()
    if (byte_count, found) != (archive.byte_count, archive.sha256):
        raise TrainerError(
            f"{archive.url}: expected {archive.byte_count:,} bytes with SHA-256 {archive.sha256}, "
            f"found {byte_count:,} with {found}; if that is a newer edition, unpack it and give its folder with '--data'"
        )
