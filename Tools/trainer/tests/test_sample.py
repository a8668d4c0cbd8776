"""The model of Tools/sample: what it learns, and what it exports."""

import contextlib
import io
import json
import unittest

try:
    import numpy as np
    from trainer import numpy_model, sample
except ModuleNotFoundError:
    np = None

from trainer import movielens
from trainer.directory import read_manifest
from trainer.errors import TrainerError
from trainer.movielens import Movie

from .folders import FolderTestCase, write_latest_small


@unittest.skipIf(np is None, "NumPy is not installed")
class SampleTests(FolderTestCase):
    def export(self, name: str, shown: tuple[int, ...] = (), least_factor: float = 0):
        target = self.folder / name
        write_latest_small(self.folder)
        (self.folder / "README.txt").write_text("terms\n")
        output = io.StringIO()
        with contextlib.redirect_stdout(output), contextlib.redirect_stderr(io.StringIO()):
            sample.train_and_export(movielens.read(self.folder), target, 42, list(shown), least_factor=least_factor)
        return target, output.getvalue()

    def test_users_get_what_is_rated_by_those_like_them(self):
        random = np.random.default_rng(7)
        users = np.repeat(np.arange(40), 20)
        movies = (random.integers(0, 20, len(users)) + 20 * (users % 2)).astype(np.int64)
        ratings = numpy_model.Ratings(users, movies, np.full(len(users), 4, dtype=np.float32))
        found = numpy_model.train(ratings, 40, 40, random, lambda _: None)
        scores = found[0] @ found[1].T
        own = (np.arange(40)[:, None] % 2) == (np.arange(40)[None, :] // 20)
        self.assertGreater(scores[own].min(), scores[~own].max())

    def test_the_split_holds_a_fifth_out_and_keeps_the_order(self):
        numbers = np.arange(100)
        ratings = numpy_model.Ratings(numbers, numbers, numbers.astype(np.float32))
        learned, held_out = numpy_model.split(ratings, np.random.default_rng(1))
        self.assertEqual((len(learned), len(held_out)), (80, 20))
        self.assertEqual(sorted([*learned.user, *held_out.user]), list(range(100)))
        self.assertEqual(learned.movie.tolist(), sorted(learned.movie))

    def test_the_export_has_both_towers_and_what_was_held_out(self):
        export, output = self.export("export", shown=(2,))
        manifest = read_manifest(export)
        self.assertEqual(list(manifest["candidates"]), ["vectors", "ids", "metadata", "count", "duplicate_ids"])
        self.assertEqual((manifest["candidates"]["count"], manifest["queries"]["count"]), (4, 3))
        self.assertEqual((manifest["dimensions"], manifest["test"]["count"]), (32, 1))
        self.assertEqual((export / "queries.ids.txt").read_text(), "1\n2\n3\n")
        self.assertEqual((export / "LICENSE-MovieLens.txt").read_text(), "terms\n")
        rows = [json.loads(line) for line in (export / "candidates.ndjson").read_text().splitlines()]
        self.assertEqual(sum(row["training_ratings"] for row in rows), 5)
        self.assertIn("user 2 rated", output)

    def test_the_same_seed_gives_the_same_bytes(self):
        first, second = self.export("first")[0], self.export("second")[0]
        self.assertEqual(read_manifest(first)["sha256"], read_manifest(second)["sha256"])

    def test_movies_that_share_a_title_have_ids_of_their_own(self):
        movies = [Movie(1, "Emma (1996)", []), Movie(2, "Big (1988)", []), Movie(3, "Emma (1996)", [])]
        self.assertEqual(sample._unique_titles(movies), ["Emma (1996) [1]", "Big (1988)", "Emma (1996) [3]"])

    def test_a_model_that_finds_little_is_not_exported(self):
        with self.assertRaisesRegex(TrainerError, "did not learn"):
            self.export("export", least_factor=1000)
        self.assertFalse((self.folder / "export").exists())

    def test_an_unknown_user_is_refused_before_anything_is_learned(self):
        with self.assertRaisesRegex(TrainerError, "no user 9; users are 1 to 3"):
            self.export("export", shown=(9,))
