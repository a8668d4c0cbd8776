"""The two-tower model of TFRS' tutorial 'Efficient serving'."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from .accuracy import top_k_accuracy
from .frameworks import factorized_top_k, tf, tfrs

CANDIDATE_BATCH = 128


@dataclass(frozen=True)
class Recipe:
    """The tutorial's numbers."""

    dimensions: int = 32
    epochs: int = 3
    batch: int = 8192
    learning_rate: float = 0.1
    test_share: float = 0.2
    seed: int = 42


@dataclass(frozen=True)
class Pairs:
    """Who rated what: user ids and titles, row by row."""

    users: np.ndarray
    titles: np.ndarray

    def __len__(self) -> int:
        return len(self.users)

    def __getitem__(self, rows: np.ndarray) -> "Pairs":
        return Pairs(self.users[rows], self.titles[rows])

    def dataset(self) -> tf.data.Dataset:
        return tf.data.Dataset.from_tensor_slices({"user_id": self.users, "movie_title": self.titles})


class TwoTower(tfrs.Model):
    """Each tower looks a string up in its vocabulary and gives the string's embedding; their dot product is the score."""

    def __init__(self, user_ids: list[str], titles: list[str], dimensions: int) -> None:
        super().__init__()
        self.movie_model = _tower(sorted(set(titles)), dimensions)
        self.user_model = _tower(user_ids, dimensions)
        movies = tf.data.Dataset.from_tensor_slices(titles).batch(CANDIDATE_BATCH).cache()
        self.task = tfrs.tasks.Retrieval(
            metrics=tfrs.metrics.FactorizedTopK(
                candidates=movies.map(self.movie_model), ks=[k for k in (1, 5, 10, 50, 100) if k <= len(titles)]
            )
        )

    def compute_loss(self, features: dict[str, tf.Tensor], training: bool = False) -> tf.Tensor:
        users = self.user_model(features["user_id"])
        movies = self.movie_model(features["movie_title"])
        return self.task(users, movies, compute_metrics=not training)


def _tower(vocabulary: list[str], dimensions: int) -> tf.keras.Model:
    """One row more than the vocabulary: for strings that are not in it."""
    return tf.keras.Sequential(
        [
            tf.keras.layers.StringLookup(vocabulary=vocabulary, mask_token=None),
            tf.keras.layers.Embedding(len(vocabulary) + 1, dimensions),
        ]
    )


def split(count: int, recipe: Recipe) -> tuple[np.ndarray, np.ndarray]:
    """The rows to learn and those held out: TensorFlow's shuffle over all of them, first four fifths, last fifth."""
    tf.random.set_seed(recipe.seed)
    rows = tf.data.Dataset.range(count).shuffle(count, seed=recipe.seed, reshuffle_each_iteration=False)
    order = np.fromiter(rows.as_numpy_iterator(), np.int64, count)
    learned = count - int(count * recipe.test_share)
    return order[:learned], order[learned:]


def train(
    training: Pairs, user_ids: list[str], titles: list[str], recipe: Recipe, progress: Callable[[str], None]
) -> tuple[TwoTower, list[float]]:
    """The trained model, and the last batch's loss of every epoch."""
    tf.keras.utils.set_random_seed(recipe.seed)
    tf.config.experimental.enable_op_determinism()
    model = TwoTower(user_ids, titles, recipe.dimensions)
    model.compile(optimizer=tf.keras.optimizers.Adagrad(learning_rate=recipe.learning_rate))
    losses: list[float] = []

    def record(epoch: int, logs: dict[str, float]) -> None:
        losses.append(float(logs["total_loss"]))
        progress(f"epoch {epoch + 1} of {recipe.epochs}: loss {losses[-1]:,.1f}")

    callback = tf.keras.callbacks.LambdaCallback(on_epoch_end=record)
    model.fit(training.dataset().batch(recipe.batch), epochs=recipe.epochs, verbose=0, callbacks=[callback])
    return model, losses


def evaluate(model: TwoTower, test: Pairs, titles: list[str], recipe: Recipe) -> dict[str, dict[str, float]]:
    """TFRS' accuracy on the held-out pairs: as the tutorial evaluates, and by brute force by id and by score."""
    result = model.evaluate(test.dataset().batch(recipe.batch), return_dict=True, verbose=0)
    prefix, suffix = "factorized_top_k/top_", "_categorical_accuracy"
    streaming = {
        name.removeprefix(prefix).removesuffix(suffix): float(share)
        for name, share in result.items()
        if name.startswith(prefix)
    }
    embeddings = model.movie_model(tf.constant(titles))
    layer = factorized_top_k.BruteForce().index(embeddings, tf.constant(titles))
    users = model.user_model(tf.constant(test.users)).numpy()
    movies = model.movie_model(tf.constant(test.titles)).numpy()
    return {
        "model.evaluate": streaming,
        "brute force, by id": top_k_accuracy(layer, users, movies, test.titles, len(titles)),
        "brute force, by score": top_k_accuracy(layer, users, movies, None, len(titles)),
    }
