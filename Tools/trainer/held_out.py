"""What a model finds of the ratings that were held out, beside what popularity and chance find."""

import numpy as np

from .numpy_model import Ratings

LIKED = 3.5  # a rating from here on counts as liked
LONGEST_LIST = 100


def evaluate(users: np.ndarray, movies: np.ndarray, training: Ratings, test: Ratings) -> float:
    """Prints how often held-out movies come up; returns how many times as often as by chance in the first hundred."""
    movie_count = len(movies)
    frequency = np.bincount(training.movie, minlength=movie_count)
    scores = users @ movies.T
    popularity = np.broadcast_to(frequency.astype(np.float32), scores.shape)
    seen = np.zeros(scores.shape, dtype=bool)
    seen[training.user, training.movie] = True
    liked = test.stars >= LIKED
    model, lists = _positions(scores, test)
    popular, _ = _positions(popularity, test)
    model_unseen, _ = _positions(np.where(seen, -np.inf, scores), test)
    popular_unseen, _ = _positions(np.where(seen, -np.inf, popularity), test)
    chance = LONGEST_LIST / movie_count
    factor = float(np.mean(model < LONGEST_LIST) / chance)

    print(f"{len(training):,} ratings learned, {len(test):,} held out; {len(users)} users, {movie_count:,} movies")
    print(f"{np.count_nonzero(frequency == 0):,} movies have no training rating;", end=" ")
    print(f"they fill {np.count_nonzero(frequency[lists] == 0)} of the {lists.size:,} places in the users' top 100")
    print()
    print("held-out pairs whose movie is in the user's list  top 10   top 100")

    def line(name: str, positions: np.ndarray) -> None:
        print(f"{name:<48}  {np.mean(positions < 10):6.4f}   {np.mean(positions < LONGEST_LIST):6.4f}")

    print(f"{'chance':<48}  {10 / movie_count:6.4f}   {chance:6.4f}")
    line("most popular movies, the same for everybody", popular)
    line("model", model)
    line(f"model, pairs rated {LIKED} stars or more", model[liked])
    line("most popular, training movies left out", popular_unseen)
    line("model, training movies left out", model_unseen)
    line(f"model, left out, rated {LIKED} stars or more", model_unseen[liked])
    print()
    print(f"recall per user: @10 {_recall(model, test, 10):.4f}, @100 {_recall(model, test, 100):.4f}")
    print(f"different movies among all top 10s: {len(np.unique(lists[:, :10]))}")
    print(f"top 100: {factor:.1f} times chance, {np.mean(model < 100) / np.mean(popular < 100):.2f} times popularity")
    return factor


def show(
    users: np.ndarray, movies: np.ndarray, training: Ratings, ids: list[str], user_ids: list[int], shown: list[int]
) -> None:
    """Prints what `shown` users rated highest in training, and their top 10, for a human to judge."""
    scores = users @ movies.T
    for user in shown:
        row = user_ids.index(user)
        own = np.flatnonzero(training.user == row)
        best = own[np.argsort(-training.stars[own], kind="stable")[:10]]
        print(f"\nuser {user} rated {len(own)} movies in training, highest:")
        for rating in best:
            print(f"    {training.stars[rating]:.1f}     {ids[training.movie[rating]]}")
        print("  top 10 (* rated in training):")
        for movie in np.argsort(-scores[row], kind="stable")[:10]:
            mark = "*" if movie in training.movie[own] else " "
            print(f"    {scores[row, movie]:.4f} {mark} {ids[movie]}")


def _positions(scores: np.ndarray, test: Ratings) -> tuple[np.ndarray, np.ndarray]:
    """For each held-out pair, the movie's position in its user's list (0 is the top), or `LONGEST_LIST` if beyond."""
    lists = np.argsort(-scores, axis=1, kind="stable")[:, :LONGEST_LIST]
    matches = lists[test.user] == test.movie[:, None]
    return np.where(matches.any(axis=1), matches.argmax(axis=1), LONGEST_LIST), lists


def _recall(positions: np.ndarray, test: Ratings, length: int) -> float:
    """The share of a user's held-out movies among that user's first `length`, averaged over users."""
    held_out = np.bincount(test.user)
    found = np.bincount(test.user, weights=positions < length, minlength=len(held_out))
    return float(np.mean(found[held_out > 0] / held_out[held_out > 0]))
