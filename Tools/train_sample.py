#!/usr/bin/env python3
"""Trains the two-tower model whose embeddings ship in Tools/sample.

    Tools/train_sample.py ml-latest-small Tools/sample

The first folder is MovieLens latest-small as GroupLens publishes it (`ratings.csv`, `movies.csv`, `README.txt`);
the second receives an embedding-export directory that `vecdb build --from` reads.

Each tower is a table: a user's or a movie's 32 numbers, learned with a softmax over the movies of the same batch
(Yi et al., "Sampling-Bias-Corrected Neural Modeling for Large Corpus Item Recommendations", RecSys 2019) and
Adagrad. The dot product of a user and a movie is the score. Needs Python 3.9, numpy and some seconds on one core;
the same seed gives the same files on the same machine.
"""

import argparse
import csv
import hashlib
import json
import os
import re
import shutil
import sys
import time
from collections import Counter
from pathlib import Path

# One thread, set before numpy loads its BLAS: with more, sums may be added in another order on the next run.
for variable in ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"):
    os.environ[variable] = "1"

import numpy as np  # noqa: E402

DIMENSIONS = 32
EPOCHS = 15
BATCH = 512
LEARNING_RATE = 0.05
L2_PENALTY = 0.1  # per occurrence in a batch; nine ratings a movie would otherwise be learned by heart
INITIAL_SPREAD = 0.05  # small: a movie that nobody rated in training keeps it, and a score near 0
INITIAL_ACCUMULATOR = 0.1
TEST_SHARE = 0.2
LIKED = 3.5  # a rating from here on counts as liked in the evaluation
LONGEST_LIST = 100


class Ratings:
    """The ratings as arrays: `user` and `movie` are row numbers, `stars` is 0.5 … 5."""

    def __init__(self, user, movie, stars):
        self.user, self.movie, self.stars = user, movie, stars

    def __len__(self):
        return len(self.user)

    def __getitem__(self, selection):
        return Ratings(self.user[selection], self.movie[selection], self.stars[selection])


# Reading


def read_movies(path):
    """One dictionary a movie, in the order of the file, with a unique readable `id`."""
    with open(path, encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    titles = [row["title"].strip() for row in rows]
    occurrences = Counter(titles)
    movies = []
    for row, title in zip(rows, titles):
        movie_id = int(row["movieId"])
        year = re.search(r"\((\d{4})(?:[-–](?:\d{4})?)?\)$", title)
        genres = row["genres"].split("|")
        movies.append(
            {
                "id": title if occurrences[title] == 1 else f"{title} [{movie_id}]",
                "movie_id": movie_id,
                "title": title,
                "year": int(year.group(1)) if year else None,
                "genres": [] if genres == ["(no genres listed)"] else genres,
            }
        )
    if len({movie["id"] for movie in movies}) != len(movies):
        sys.exit(f"{path}: a movie id occurs twice")
    return movies


def read_ratings(path, movies):
    """The ratings, and the user ids in ascending order: a user's row is the place in that list."""
    row_of_movie = {movie["movie_id"]: row for row, movie in enumerate(movies)}
    with open(path, encoding="utf-8", newline="") as file:
        rows = [(int(r["userId"]), int(r["movieId"]), float(r["rating"])) for r in csv.DictReader(file)]
    user_ids = sorted({user for user, _, _ in rows})
    row_of_user = {user: row for row, user in enumerate(user_ids)}
    ratings = Ratings(
        np.array([row_of_user[user] for user, _, _ in rows]),
        np.array([row_of_movie[movie] for _, movie, _ in rows]),
        np.array([stars for _, _, stars in rows], dtype=np.float32),
    )
    return ratings, user_ids


def split(ratings, random):
    """A random fifth is held out for the evaluation; the model never sees it."""
    order = random.permutation(len(ratings))
    held_out = int(len(ratings) * TEST_SHARE)
    return ratings[np.sort(order[held_out:])], ratings[np.sort(order[:held_out])]


# Learning


class EmbeddingTable:
    """A tower: one learned row of `DIMENSIONS` floats for each user or movie, with Adagrad's state beside it."""

    def __init__(self, rows, random):
        self.weights = random.normal(0, INITIAL_SPREAD, (rows, DIMENSIONS)).astype(np.float32)
        self.accumulator = np.full((rows, DIMENSIONS), INITIAL_ACCUMULATOR, dtype=np.float32)

    def descend(self, rows, gradients):
        """One Adagrad step with `gradients[i]` for row `rows[i]`; a row that occurs twice gets the sum."""
        order = np.argsort(rows, kind="stable")
        ordered = rows[order]
        starts = np.flatnonzero(np.concatenate(([True], ordered[1:] != ordered[:-1])))
        occurrences = np.diff(np.append(starts, len(ordered)))[:, None]
        distinct = ordered[starts]
        gradient = np.add.reduceat(gradients[order], starts, axis=0)
        gradient += L2_PENALTY * occurrences * self.weights[distinct]
        self.accumulator[distinct] += gradient * gradient
        self.weights[distinct] -= LEARNING_RATE * gradient / np.sqrt(self.accumulator[distinct])


def softmax_step(users, movies, batch, log_frequency, weight):
    """One step on a batch of (user, movie) pairs, each movie of the batch standing for all movies.

    `log_frequency` takes out the bias that frequent movies are met more often as the wrong answer. The same movie
    elsewhere in the batch is no wrong answer and is masked. Returns the mean loss.
    """
    size = len(batch)
    user, movie = users.weights[batch.user], movies.weights[batch.movie]
    logits = user @ movie.T - log_frequency[batch.movie]
    same_movie = batch.movie[:, None] == batch.movie[None, :]
    np.fill_diagonal(same_movie, False)
    logits[same_movie] = -np.inf
    logits -= logits.max(axis=1, keepdims=True)
    probability = np.exp(logits)
    probability /= probability.sum(axis=1, keepdims=True)
    diagonal = np.arange(size)
    loss = -np.log(np.maximum(probability[diagonal, diagonal], 1e-30)) * weight
    probability[diagonal, diagonal] -= 1
    probability *= weight[:, None]
    users.descend(batch.user, probability @ movie)
    movies.descend(batch.movie, probability.T @ user)
    return float(loss.mean())


def train(ratings, user_count, movie_count, random):
    """Learns both towers; a rating weighs as the square of its stars (5 stars count a hundred times half a star)."""
    users, movies = EmbeddingTable(user_count, random), EmbeddingTable(movie_count, random)
    frequency = np.bincount(ratings.movie, minlength=movie_count)
    log_frequency = np.log(np.maximum(frequency, 1) / len(ratings)).astype(np.float32)
    weight = ratings.stars**2 / np.mean(ratings.stars**2)
    for epoch in range(1, EPOCHS + 1):
        order = random.permutation(len(ratings))
        losses = []
        for start in range(0, len(order), BATCH):
            chosen = order[start : start + BATCH]
            losses.append(softmax_step(users, movies, ratings[chosen], log_frequency, weight[chosen]))
        print(f"epoch {epoch:2} of {EPOCHS}: loss {np.mean(losses):.4f}", file=sys.stderr)
    return users.weights, movies.weights


# Evaluation


def hit_positions(scores, test):
    """For each held-out pair, the movie's position in its user's list (0 is the top), or `LONGEST_LIST` if beyond."""
    lists = np.argsort(-scores, axis=1, kind="stable")[:, :LONGEST_LIST]
    matches = lists[test.user] == test.movie[:, None]
    return np.where(matches.any(axis=1), matches.argmax(axis=1), LONGEST_LIST), lists


def recall_per_user(positions, test, length):
    """The share of a user's held-out movies among that user's first `length`, averaged over users."""
    held_out = np.bincount(test.user)
    found = np.bincount(test.user, weights=positions < length, minlength=len(held_out))
    return float(np.mean(found[held_out > 0] / held_out[held_out > 0]))


def evaluate(users, movies, training, test):
    """Prints how often held-out movies come up; exits with 1 when that is below three times chance."""
    movie_count = len(movies)
    frequency = np.bincount(training.movie, minlength=movie_count)
    scores = users @ movies.T
    popularity = np.broadcast_to(frequency.astype(np.float32), scores.shape)
    seen = np.zeros(scores.shape, dtype=bool)
    seen[training.user, training.movie] = True
    liked = test.stars >= LIKED
    model, lists = hit_positions(scores, test)
    popular, _ = hit_positions(popularity, test)
    model_unseen, _ = hit_positions(np.where(seen, -np.inf, scores), test)
    popular_unseen, _ = hit_positions(np.where(seen, -np.inf, popularity), test)
    chance = LONGEST_LIST / movie_count
    factor = np.mean(model < LONGEST_LIST) / chance

    print(f"{len(training):,} ratings learned, {len(test):,} held out; {len(users)} users, {movie_count:,} movies")
    print(f"{np.count_nonzero(frequency == 0):,} movies have no training rating;", end=" ")
    print(f"they fill {np.count_nonzero(frequency[lists] == 0)} of the {lists.size:,} places in the users' top 100")
    print()
    print("held-out pairs whose movie is in the user's list  top 10   top 100")

    def line(name, positions):
        print(f"{name:<48}  {np.mean(positions < 10):6.4f}   {np.mean(positions < LONGEST_LIST):6.4f}")

    print(f"{'chance':<48}  {10 / movie_count:6.4f}   {chance:6.4f}")
    line("most popular movies, the same for everybody", popular)
    line("model", model)
    line(f"model, pairs rated {LIKED} stars or more", model[liked])
    line("most popular, training movies left out", popular_unseen)
    line("model, training movies left out", model_unseen)
    line(f"model, left out, rated {LIKED} stars or more", model_unseen[liked])
    print()
    print(f"recall per user: @10 {recall_per_user(model, test, 10):.4f}, @100 {recall_per_user(model, test, 100):.4f}")
    print(f"different movies among all top 10s: {len(np.unique(lists[:, :10]))}")
    print(f"top 100: {factor:.1f} times chance, {np.mean(model < 100) / np.mean(popular < 100):.2f} times popularity")
    if factor < 3:
        sys.exit("the model did not learn: held-out movies must come up at least three times as often as by chance")


def show(users, movies, training, catalogue, user_ids, shown):
    """Prints what `shown` users rated highest in training, and their top 10, for a human to judge."""
    scores = users @ movies.T
    for user in shown:
        row = user_ids.index(user)
        own = np.flatnonzero(training.user == row)
        best = own[np.argsort(-training.stars[own], kind="stable")[:10]]
        print(f"\nuser {user} rated {len(own)} movies in training, highest:")
        for rating in best:
            print(f"    {training.stars[rating]:.1f}     {catalogue[training.movie[rating]]['id']}")
        print("  top 10 (* rated in training):")
        for movie in np.argsort(-scores[row], kind="stable")[:10]:
            mark = "*" if movie in training.movie[own] else " "
            print(f"    {scores[row, movie]:.4f} {mark} {catalogue[movie]['id']}")


# Export


def write_lines(path, lines):
    path.write_bytes("".join(line + "\n" for line in lines).encode())


def export(folder, data, users, movies, catalogue, user_ids, training, test):
    """Writes the export directory: vectors, ids, metadata, held-out pairs, their SHA-256, the data set's terms."""
    folder.mkdir(parents=True, exist_ok=True)
    frequency = np.bincount(training.movie, minlength=len(catalogue))
    metadata = []
    for movie, count in zip(catalogue, frequency):
        document = {key: value for key, value in movie.items() if key != "id"}
        document["training_ratings"] = int(count)
        metadata.append(json.dumps(document, ensure_ascii=False))
    pairs = [f"{user_ids[user]}\t{catalogue[movie]['id']}" for user, movie in zip(test.user, test.movie)]

    np.save(folder / "candidates.npy", np.ascontiguousarray(movies, dtype="<f4"))
    np.save(folder / "queries.npy", np.ascontiguousarray(users, dtype="<f4"))
    write_lines(folder / "candidates.ids.txt", [movie["id"] for movie in catalogue])
    write_lines(folder / "candidates.ndjson", metadata)
    write_lines(folder / "queries.ids.txt", [str(user) for user in user_ids])
    write_lines(folder / "test.tsv", pairs)
    shutil.copyfile(data / "README.txt", folder / "LICENSE-MovieLens.txt")

    manifest = {
        "format": "vecdb-embedding-export",
        "version": 1,
        "metric": "dot",
        "dimensions": DIMENSIONS,
        "model": "two-tower, in-batch softmax, MovieLens latest-small (2018-09)",
        "candidates": {
            "vectors": "candidates.npy",
            "ids": "candidates.ids.txt",
            "metadata": "candidates.ndjson",
            "count": len(catalogue),
            "duplicate_ids": "error",
        },
        "queries": {"vectors": "queries.npy", "ids": "queries.ids.txt", "count": len(user_ids)},
        "test": {"pairs": "test.tsv", "count": len(pairs)},
    }
    named = [
        manifest["candidates"]["vectors"],
        manifest["candidates"]["ids"],
        manifest["candidates"]["metadata"],
        manifest["queries"]["vectors"],
        manifest["queries"]["ids"],
        manifest["test"]["pairs"],
    ]
    manifest["sha256"] = {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in named}
    write_lines(folder / "manifest.json", [json.dumps(manifest, indent=1)])


def main():
    parser = argparse.ArgumentParser(description="Train the shipped sample's embeddings from MovieLens latest-small.")
    parser.add_argument("data", type=Path, help="folder with ratings.csv, movies.csv and README.txt")
    parser.add_argument("export", type=Path, help="the embedding-export directory to write")
    parser.add_argument("--seed", type=int, default=42)
    parser.add_argument("--show", type=int, nargs="*", default=[], metavar="USER", help="print these users' top 10")
    arguments = parser.parse_args()
    for name in ("ratings.csv", "movies.csv", "README.txt"):
        if not (arguments.data / name).is_file():
            sys.exit(f"{arguments.data / name}: not found; give the folder of MovieLens latest-small")

    started = time.monotonic()
    random = np.random.default_rng(arguments.seed)
    catalogue = read_movies(arguments.data / "movies.csv")
    ratings, user_ids = read_ratings(arguments.data / "ratings.csv", catalogue)
    unknown = sorted(set(arguments.show) - set(user_ids))
    if unknown:
        sys.exit(f"--show: no user {unknown[0]}; users are {user_ids[0]} to {user_ids[-1]}")
    training, test = split(ratings, random)
    users, movies = train(training, len(user_ids), len(catalogue), random)
    print(f"trained in {time.monotonic() - started:.0f} s", file=sys.stderr)
    evaluate(users, movies, training, test)
    show(users, movies, training, catalogue, user_ids, arguments.show)
    export(arguments.export, arguments.data, users, movies, catalogue, user_ids, training, test)


if __name__ == "__main__":
    main()
