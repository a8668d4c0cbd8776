"""A two-tower model that needs NumPy alone: the one whose embeddings ship in Tools/sample.

Each tower is a table: a user's or a movie's 32 numbers, learned with a softmax over the movies of the same batch
(Yi et al., "Sampling-Bias-Corrected Neural Modeling for Large Corpus Item Recommendations", RecSys 2019) and
Adagrad. The dot product of a user and a movie is the score.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

DIMENSIONS = 32
EPOCHS = 15
BATCH = 512
LEARNING_RATE = 0.05
L2_PENALTY = 0.1  # per occurrence in a batch; nine ratings a movie would otherwise be learned by heart
INITIAL_SPREAD = 0.05  # small: a movie that nobody rated in training keeps it, and a score near 0
INITIAL_ACCUMULATOR = 0.1
TEST_SHARE = 0.2


@dataclass(frozen=True)
class Ratings:
    """The ratings as arrays: `user` and `movie` are row numbers, `stars` is 0.5 … 5."""

    user: np.ndarray
    movie: np.ndarray
    stars: np.ndarray

    def __len__(self) -> int:
        return len(self.user)

    def __getitem__(self, selection: np.ndarray) -> "Ratings":
        return Ratings(self.user[selection], self.movie[selection], self.stars[selection])


def split(ratings: Ratings, random: np.random.Generator) -> tuple[Ratings, Ratings]:
    """What is learned, and a random fifth that is held out for the evaluation; the model never sees it."""
    order = random.permutation(len(ratings))
    held_out = int(len(ratings) * TEST_SHARE)
    return ratings[np.sort(order[held_out:])], ratings[np.sort(order[:held_out])]


def train(
    ratings: Ratings, user_count: int, movie_count: int, random: np.random.Generator, progress: Callable[[str], None]
) -> tuple[np.ndarray, np.ndarray]:
    """Learns both towers; a rating weighs as the square of its stars (5 stars count a hundred times half a star)."""
    users, movies = _Table(user_count, random), _Table(movie_count, random)
    frequency = np.bincount(ratings.movie, minlength=movie_count)
    log_frequency = np.log(np.maximum(frequency, 1) / len(ratings)).astype(np.float32)
    weight = ratings.stars**2 / np.mean(ratings.stars**2)
    for epoch in range(1, EPOCHS + 1):
        order = random.permutation(len(ratings))
        losses = []
        for start in range(0, len(order), BATCH):
            chosen = order[start : start + BATCH]
            losses.append(_step(users, movies, ratings[chosen], log_frequency, weight[chosen]))
        progress(f"epoch {epoch:2} of {EPOCHS}: loss {np.mean(losses):.4f}")
    return users.weights, movies.weights


class _Table:
    """A tower: one learned row of `DIMENSIONS` floats for each user or movie, with Adagrad's state beside it."""

    def __init__(self, rows: int, random: np.random.Generator) -> None:
        self.weights = random.normal(0, INITIAL_SPREAD, (rows, DIMENSIONS)).astype(np.float32)
        self.accumulator = np.full((rows, DIMENSIONS), INITIAL_ACCUMULATOR, dtype=np.float32)

    def descend(self, rows: np.ndarray, gradients: np.ndarray) -> None:
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


def _step(users: _Table, movies: _Table, batch: Ratings, log_frequency: np.ndarray, weight: np.ndarray) -> float:
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
