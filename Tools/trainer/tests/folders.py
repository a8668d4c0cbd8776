"""Small MovieLens folders in the three editions' formats: two movies share a title, one user has one rating."""

import tempfile
import unittest
from pathlib import Path

RATINGS = [(1, 10, 5), (1, 20, 3), (1, 30, 4), (2, 10, 2), (2, 30, 1), (2, 40, 5), (3, 40, 4), (3, 20, 2), (4, 30, 5)]


class FolderTestCase(unittest.TestCase):
    """A test with a folder of its own."""

    def setUp(self) -> None:
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.folder = Path(temporary.name)


def write_100k(folder: Path) -> None:
    genres = ["unknown|0", "Action|1", "Drama|2", ""]
    movies = [
        "10|Amélie (2001)|01-Jan-2001||http://a|0|0|1",
        "20|Heat (1995)|01-Jan-1995||http://b|0|1|1",
        "30|Heat (1995)|01-Jan-1995||http://c|0|1|0",
        "40|unknown||||1|0|0",
    ]
    ratings = [f"{user}\t{movie}\t{stars}\t881250949" for user, movie, stars in RATINGS]
    _write(folder, {"u.genre": genres, "u.item": movies, "u.data": ratings, "README": ["terms"]}, "latin-1")


def write_latest_small(folder: Path) -> None:
    movies = [
        "movieId,title,genres",
        "10,Amélie (2001),Drama",
        '20,"Heat, The (1995)",Action|Drama',
        "30,Heat (1995),Action",
        "40,unknown,(no genres listed)",
    ]
    ratings = [f"{user},{movie},{stars}.5,964982703" for user, movie, stars in RATINGS if stars < 5]
    _write(folder, {"movies.csv": movies, "ratings.csv": ["userId,movieId,rating,timestamp", *ratings]}, "utf-8", "\r\n")


def write_1m(folder: Path) -> None:
    movies = ["10::Amélie (2001)::Drama", "20::Heat (1995)::Action|Drama", "30::Ran (1985)::Drama", "40::Big (1988)::Drama"]
    ratings = [f"{user}::{movie}::{stars}::978300760" for user, movie, stars in RATINGS]
    _write(folder, {"movies.dat": movies, "ratings.dat": ratings}, "latin-1")


def _write(folder: Path, files: dict, encoding: str, end: str = "\n") -> None:
    for name, lines in files.items():
        (folder / name).write_bytes("".join(line + end for line in lines).encode(encoding))
