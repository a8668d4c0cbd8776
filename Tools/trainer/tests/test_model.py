"""A tiny model, really trained: four users, four movies."""

import contextlib
import io
import json
import unittest

try:
    import numpy as np
    from trainer.frameworks import tf
except ModuleNotFoundError as error:
    missing = f"{error.name} is not installed"
else:
    missing = ""

from trainer import movielens
from trainer.directory import read_manifest

from .folders import RATINGS, FolderTestCase, write_100k


@unittest.skipIf(missing, missing)
class TrainingTests(FolderTestCase):
    @contextlib.contextmanager
    def quiet(self):
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            yield

    def train(self, name: str):
        from trainer.training import train_and_export

        write_100k(self.folder)
        with self.quiet():
            record = train_and_export(movielens.read(self.folder), self.folder / name, seed=42, epochs=2)
        return record, self.folder / name

    def test_a_trained_model_becomes_an_export_that_the_reference_reads(self):
        record, export = self.train("export")
        manifest = read_manifest(export)
        self.assertEqual(manifest["dimensions"], 32)
        self.assertEqual(manifest["candidates"]["count"], 4)
        self.assertEqual(manifest["candidates"]["duplicate_ids"], "allow")
        self.assertEqual(manifest["queries"]["count"], 4)
        self.assertEqual(manifest["test"]["count"], 1)
        self.assertEqual(json.loads((export / "training.json").read_text()), record)
        self.assertEqual(record["data"]["ratings_learned"], len(RATINGS) - 1)
        self.assertEqual(len(record["losses"]), 2)
        self.assertEqual((export / "LICENSE-MovieLens.txt").read_text(), "terms\n")
        rows = [json.loads(line) for line in (export / "candidates.ndjson").read_text().splitlines()]
        self.assertEqual(rows[3]["title"], "unknown")
        self.assertEqual(sum(row["training_ratings"] for row in rows), len(RATINGS) - 1)
        # Movies of one title have one embedding, as in the tutorial.
        vectors = np.load(export / "candidates.npy")
        self.assertEqual(vectors[1].tolist(), vectors[2].tolist())

        from trainer import reference

        read = reference.read(export)
        self.assertEqual(reference.accuracies(read)["by id"], record["top_k_categorical_accuracy"]["brute force, by id"])
        answer = reference.answers(read, 4)["queries"][0]
        self.assertEqual(answer["id"], "1")
        self.assertEqual(sorted(answer["rows"]), [0, 1, 2, 3])
        exact = read.queries[0].astype("f8") @ read.candidates[answer["rows"][0]].astype("f8")
        self.assertAlmostEqual(answer["scores"][0], exact, places=6)

    def test_the_same_seed_gives_the_same_bytes(self):
        first, second = self.train("first")[1], self.train("second")[1]
        self.assertEqual(read_manifest(first)["sha256"], read_manifest(second)["sha256"])

    def test_the_split_is_the_tutorials(self):
        from trainer.model import Recipe, split

        learned, held_out = split(100_000, Recipe())
        self.assertEqual(learned[:3].tolist(), [50633, 33113, 42358])
        self.assertEqual(held_out[:3].tolist(), [99264, 90437, 23478])
        self.assertEqual(len(np.unique([*learned, *held_out])), 100_000)

    def test_tensors_datasets_and_models_are_exported(self):
        from trainer.export import embed, write_export

        rows = tf.constant([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
        titles = tf.data.Dataset.from_tensor_slices(["a", "b", "c"]).batch(2)
        model = tf.keras.Sequential([tf.keras.layers.StringLookup(vocabulary=["a", "b", "c"]), tf.keras.layers.Embedding(4, 2)])
        model(tf.constant(["a"]))
        model.layers[1].set_weights([np.concatenate([np.zeros((1, 2)), rows.numpy()])])
        vectors = titles.map(model)
        for number, given in enumerate(
            (
                rows,
                tf.cast(rows, tf.bfloat16),
                tf.Variable(rows),
                vectors,
                titles.map(lambda batch: (batch, model(batch))),
                embed(model, titles),
            )
        ):
            with self.subTest(number=number):
                write_export(self.folder / str(number), given)
                self.assertEqual(np.load(self.folder / str(number) / "candidates.npy").tolist(), rows.numpy().tolist())
        self.assertEqual((self.folder / "5" / "candidates.ids.txt").read_text(), "a\nb\nc\n")
