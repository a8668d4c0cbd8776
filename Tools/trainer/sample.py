"""`Tools/train sample`: trains the model whose embeddings ship in Tools/sample, from MovieLens latest-small."""

import argparse
import os
import sys
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path

# One thread, set before NumPy loads its BLAS: with more, sums may be added in another order on the next run.
for variable in ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"):
    os.environ[variable] = "1"

import numpy as np  # noqa: E402

from . import download, movielens  # noqa: E402
from .arguments import WORK  # noqa: E402
from .directory import refuse_what_must_stay  # noqa: E402
from .errors import TrainerError  # noqa: E402
from .export import write_export  # noqa: E402
from .held_out import evaluate, show  # noqa: E402
from .movielens import TERMS, Movie, MovieLens  # noqa: E402
from .numpy_model import Ratings, split, train  # noqa: E402

DATA = "MovieLens latest-small"
MODEL = f"two-tower, in-batch softmax, {DATA} (2018-09)"
# Held-out movies must come up this many times as often as by chance.
LEAST_FACTOR = 3


def run(arguments: argparse.Namespace) -> int:
    refuse_what_must_stay(arguments.export, arguments.overwrite)
    folder = arguments.data or download.fetch(arguments.download, WORK / "data")
    data = movielens.read(folder)
    if data.name != DATA:
        raise TrainerError(f"{folder}: expected {DATA}, found {data.name}")
    train_and_export(data, arguments.export, arguments.seed, arguments.show, arguments.overwrite)
    return 0


def train_and_export(
    data: MovieLens, target: Path, seed: int, shown: list[int], overwrite: bool = False, least_factor: float = LEAST_FACTOR
) -> None:
    random = np.random.default_rng(seed)
    catalogue = [replace(movie, title=movie.title.strip()) for movie in data.movies]
    user_ids = sorted({int(user) for user in data.rating_users})
    unknown = sorted(set(shown) - set(user_ids))
    if unknown:
        raise TrainerError(f"--show: no user {unknown[0]}; users are {user_ids[0]} to {user_ids[-1]}")
    training, test = split(_ratings(data, user_ids), random)
    started = time.monotonic()
    users, movies = train(training, len(user_ids), len(catalogue), random, _progress)
    _progress(f"trained in {time.monotonic() - started:.0f} s")
    if evaluate(users, movies, training, test) < least_factor:
        raise TrainerError(
            f"the model did not learn: held-out movies must come up at least {least_factor} times as often as by chance"
        )
    ids = _unique_titles(catalogue)
    show(users, movies, training, ids, user_ids, shown)
    write_export(
        target,
        movies,
        ids=ids,
        metadata=movielens.documents(catalogue, training.movie.tolist()),
        query_vectors=users,
        query_ids=user_ids,
        test_pairs=((user_ids[user], ids[movie]) for user, movie in zip(test.user, test.movie, strict=True)),
        metric="dot",
        model=MODEL,
        overwrite=overwrite,
        notes={TERMS: data.terms} if data.terms else {},
    )


def _ratings(data: MovieLens, user_ids: list[int]) -> Ratings:
    row_of_user = {user: row for row, user in enumerate(user_ids)}
    return Ratings(
        np.array([row_of_user[int(user)] for user in data.rating_users]),
        np.array(data.rating_movies),
        np.array(data.rating_stars, dtype=np.float32),
    )


def _unique_titles(catalogue: list[Movie]) -> list[str]:
    """Titles; those that movies share have the movie's number behind them."""
    occurrences = Counter(movie.title for movie in catalogue)
    return [
        movie.title if occurrences[movie.title] == 1 else f"{movie.title} [{movie.movie_id}]" for movie in catalogue
    ]


def _progress(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
