"""Reads MovieLens data sets as GroupLens publishes them; the Python standard library is enough for it."""

import csv
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .errors import TrainerError, text_of

# What an export calls a data set's terms.
TERMS = "LICENSE-MovieLens.txt"


@dataclass(frozen=True)
class Movie:
    """A movie as its data set describes it; `year` is the one at the end of the title."""

    movie_id: int
    title: str
    genres: list[str]

    @property
    def year(self) -> int | None:
        found = re.search(r"\((\d{4})(?:[-–](?:\d{4})?)?\)$", self.title.strip())
        return int(found.group(1)) if found else None


@dataclass(frozen=True)
class MovieLens:
    """A data set: its movies, and of every rating the user's id, the movie's row in `movies`, and the stars."""

    name: str
    movies: list[Movie]
    rating_users: list[str]
    rating_movies: list[int]
    rating_stars: list[float]
    terms: Path | None

    @property
    def titles(self) -> list[str]:
        return [movie.title for movie in self.movies]


@dataclass(frozen=True)
class Line:
    """A line of a file, which knows where it stands."""

    path: Path
    number: int
    text: str

    def error(self, message: str) -> TrainerError:
        return TrainerError(f"{self.path}, line {self.number}: {message}")

    def fields(self, separator: str, names: list[str]) -> list[str]:
        """As many fields as there are names, or an error that lists them."""
        return self.checked(self.text.split(separator), names)

    def checked(self, fields: list[str], names: list[str]) -> list[str]:
        if len(fields) != len(names):
            raise self.error(f"expected {len(names)} fields ({', '.join(names)}), found {len(fields)}")
        return fields

    def integer(self, name: str, text: str) -> int:
        if not (text.isascii() and text.isdigit()):
            raise self.error(f"expected a whole number as {name}, found '{text}'")
        return int(text)

    def stars(self, text: str) -> float:
        """A rating."""
        try:
            stars = float(text)
        except ValueError:
            stars = -1.0
        if not 0.5 <= stars <= 5:
            raise self.error(f"expected a rating from 0.5 to 5, found '{text}'")
        return stars


def documents(movies: list[Movie], learned_movies: Iterable[int]) -> list[dict[str, Any]]:
    """The metadata of an export; `learned_movies` has a row of `movies` for each rating that was learned."""
    ratings = Counter(learned_movies)
    return [
        {
            "movie_id": movie.movie_id,
            "title": movie.title,
            "year": movie.year,
            "genres": movie.genres,
            "training_ratings": ratings[row],
        }
        for row, movie in enumerate(movies)
    ]


def read(folder: Path) -> MovieLens:
    """The data set in `folder`, recognised by the name of its ratings."""
    if not folder.is_dir():
        raise TrainerError(f"{folder}: no such folder")
    found = [name for name in _READERS if (folder / name).is_file()]
    if not found:
        raise TrainerError(
            f"{folder}: no MovieLens data set; expected u.data (100K), ratings.csv (latest-small) or ratings.dat (1M)"
        )
    if len(found) > 1:
        raise TrainerError(f"{folder}: more than one data set ({', '.join(found)}); keep them in folders of their own")
    return _READERS[found[0]](folder)


def _read_100k(folder: Path) -> MovieLens:
    genres = _genre_names(folder / "u.genre")
    columns = ["movie id", "title", "release date", "video release date", "URL", *genres]
    movies = []
    for line in _lines(folder / "u.item", "latin-1"):
        fields = line.fields("|", columns)
        flags = fields[5:]
        for flag in flags:
            if flag not in ("0", "1"):
                raise line.error(f"expected 0 or 1 for every genre, found '{flag}'")
        movie_genres = [genre for genre, flag in zip(genres, flags, strict=True) if flag == "1"]
        movies.append((line, Movie(line.integer("the movie id", fields[0]), fields[1], movie_genres)))
    return _data_set("MovieLens 100K", folder, movies, _fields_of(folder / "u.data", "\t"), "README")


def _genre_names(path: Path) -> list[str]:
    """The names by their numbers, which are the order of the flags in u.item."""
    names = []
    for line in _lines(path, "latin-1"):
        if line.text:
            name, number = line.fields("|", ["genre", "number"])
            if line.integer("the genre's number", number) != len(names):
                raise line.error(f"expected number {len(names)}, found {number}")
            names.append(name)
    return names


def _read_latest_small(folder: Path) -> MovieLens:
    movies = []
    for line, fields in _csv(folder / "movies.csv", ["movieId", "title", "genres"]):
        movies.append((line, Movie(line.integer("movieId", fields[0]), fields[1], _split_genres(fields[2]))))
    ratings = _csv(folder / "ratings.csv", ["userId", "movieId", "rating", "timestamp"])
    return _data_set("MovieLens latest-small", folder, movies, ratings, "README.txt")


def _read_1m(folder: Path) -> MovieLens:
    movies = []
    for line in _lines(folder / "movies.dat", "latin-1"):
        number, title, genres = line.fields("::", ["movie id", "title", "genres"])
        movies.append((line, Movie(line.integer("the movie id", number), title, _split_genres(genres))))
    return _data_set("MovieLens 1M", folder, movies, _fields_of(folder / "ratings.dat", "::"), "README")


_READERS = {"u.data": _read_100k, "ratings.csv": _read_latest_small, "ratings.dat": _read_1m}
_RATING_FIELDS = ["user id", "movie id", "rating", "timestamp"]


def _data_set(
    name: str,
    folder: Path,
    numbered_movies: list[tuple[Line, Movie]],
    ratings: Iterator[tuple[Line, list[str]]],
    terms: str,
) -> MovieLens:
    """The movies and ratings, checked against each other."""
    row_of_movie: dict[int, int] = {}
    for row, (line, movie) in enumerate(numbered_movies):
        if not movie.title:
            raise line.error("the title is empty")
        if movie.movie_id in row_of_movie:
            raise line.error(f"movie id {movie.movie_id} occurs a second time")
        row_of_movie[movie.movie_id] = row
    users, rows, ratings_in_stars = [], [], []
    for line, (user, movie_id, stars, timestamp) in ratings:
        row = row_of_movie.get(line.integer("the movie id", movie_id))
        if row is None:
            raise line.error(f"movie {movie_id} is not among the {len(row_of_movie):,} movies")
        ratings_in_stars.append(line.stars(stars))
        line.integer("the timestamp", timestamp)
        users.append(str(line.integer("the user id", user)))
        rows.append(row)
    if not users:
        raise TrainerError(f"{folder}: the data set has no ratings")
    movies = [movie for _, movie in numbered_movies]
    terms_file = folder / terms if (folder / terms).is_file() else None
    return MovieLens(name, movies, users, rows, ratings_in_stars, terms_file)


def _split_genres(text: str) -> list[str]:
    return [] if text == "(no genres listed)" else text.split("|")


def _fields_of(path: Path, separator: str) -> Iterator[tuple[Line, list[str]]]:
    for line in _lines(path, "latin-1"):
        yield line, line.fields(separator, _RATING_FIELDS)


def _csv(path: Path, header: list[str]) -> Iterator[tuple[Line, list[str]]]:
    """The rows below the header; a row's line is its last, should a quoted field hold line ends."""
    reader = csv.reader((line.text + "\n" for line in _lines(path, "utf-8")), strict=True)
    try:
        for fields in reader:
            line = Line(path, reader.line_num, "")
            if reader.line_num > 1:
                yield line, line.checked(fields, header)
            elif fields != header:
                raise line.error(f"expected the header {','.join(header)}, found {','.join(fields)}")
    except csv.Error as error:
        raise Line(path, reader.line_num, "").error(str(error)) from error


def _lines(path: Path, encoding: str) -> Iterator[Line]:
    """The lines without their ends, decoded one by one, so that an error names its line."""
    try:
        with path.open("rb") as file:
            for number, content in enumerate(file, start=1):
                try:
                    text = content.decode(encoding)
                except UnicodeDecodeError as error:
                    raise TrainerError(f"{path}, line {number}: byte {error.start} is not {encoding}") from error
                yield Line(path, number, text.rstrip("\r\n"))
    except OSError as error:
        raise TrainerError(f"{path}: {text_of(error)}") from error
