"""`Tools/train movielens`: trains the tutorial's model on a MovieLens data set and exports both towers."""

import argparse
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from . import download, movielens
from .arguments import WORK
from .directory import refuse_what_must_stay
from .export import embed, write_export
from .movielens import TERMS, MovieLens

TRAINING = "training.json"


def run(arguments: argparse.Namespace) -> int:
    # Before minutes are spent.
    refuse_what_must_stay(arguments.export, arguments.overwrite)
    folder = arguments.data or download.fetch(arguments.download, WORK / "data")
    data = movielens.read(folder)
    train_and_export(data, arguments.export, arguments.seed, arguments.epochs, arguments.overwrite)
    return 0


def train_and_export(data: MovieLens, target: Path, seed: int, epochs: int, overwrite: bool = False) -> dict[str, Any]:
    """Returns what it wrote to training.json."""
    # TensorFlow takes seconds to import, and whoever reads MovieLens alone does without.
    from . import accuracy, model
    from .frameworks import tf, versions

    recipe = model.Recipe(seed=seed, epochs=epochs)
    titles, user_ids = data.titles, sorted(set(data.rating_users))
    rating_movies = np.array(data.rating_movies)
    pairs = model.Pairs(np.array(data.rating_users), np.array(titles)[rating_movies])
    learned, held_out = model.split(len(pairs), recipe)
    test = pairs[held_out]
    print(
        f"{data.name}: {len(learned):,} ratings to learn, {len(test):,} held out; {len(user_ids):,} users, "
        f"{len(titles):,} movies with {len(set(titles)):,} titles"
    )
    started = time.monotonic()
    trained, losses = model.train(pairs[learned], user_ids, titles, recipe, _progress)
    seconds = time.monotonic() - started
    _progress(f"trained in {seconds:.0f} s")
    shares = model.evaluate(trained, test, titles, recipe)
    print(accuracy.table(shares))

    record = {
        "data": {
            "name": data.name,
            "users": len(user_ids),
            "movies": len(titles),
            "titles": len(set(titles)),
            "ratings_learned": len(learned),
            "ratings_held_out": len(test),
        },
        "recipe": asdict(recipe),
        "losses": losses,
        "training_seconds": round(seconds, 1),
        "top_k_categorical_accuracy": shares,
        "versions": versions(),
    }
    write_export(
        target,
        embed(trained.movie_model, tf.data.Dataset.from_tensor_slices(titles).batch(model.CANDIDATE_BATCH)),
        metadata=movielens.documents(data.movies, rating_movies[learned].tolist()),
        query_vectors=embed(trained.user_model, tf.data.Dataset.from_tensor_slices(user_ids).batch(1000)),
        test_pairs=zip(test.users.tolist(), test.titles.tolist(), strict=True),
        metric="dot",
        model=f"TFRS two-tower, {data.name}, recipe of the tutorial 'Efficient serving'",
        # The tutorial's ids are titles, and some movies share one, with its embedding.
        duplicate_ids="error" if len(set(titles)) == len(titles) else "allow",
        overwrite=overwrite,
        notes={TRAINING: record, **({TERMS: data.terms} if data.terms else {})},
    )
    _progress(f"wrote {target}; 'vecdb build DATABASE --from {target}' makes a database of it")
    return record


def _progress(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
