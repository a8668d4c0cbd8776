"""The exporter: what it accepts, what it writes, what it refuses."""

import json
import subprocess
import sys
import unittest
from pathlib import Path

try:
    import numpy as np
    from trainer.export import embed, read_tensor, write_export
except ModuleNotFoundError:
    np = None

from trainer.directory import read_manifest

from .folders import FolderTestCase

ROWS = [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]


class TorchLike:
    """What a PyTorch tensor that needs a gradient lets a stranger do."""

    def __init__(self, array, detached=False):
        self.array, self.detached, self.dtype = array, detached, "torch.float32"

    def detach(self):
        return TorchLike(self.array, detached=True)

    def cpu(self):
        return self

    def numpy(self):
        if not self.detached:
            raise RuntimeError("Can't call numpy() on Tensor that requires grad.")
        return self.array


@unittest.skipIf(np is None, "NumPy is not installed")
class ExportTestCase(FolderTestCase):
    def export(self, vectors, **options):
        """Exports and reads back: candidates, and the manifest with its hashes checked."""
        target = self.folder / "export"
        write_export(target, vectors, overwrite=True, **options)
        return np.load(target / "candidates.npy"), read_manifest(target)

    def text(self, name: str) -> str:
        return (self.folder / "export" / name).read_text(encoding="utf-8")


class AcceptedTests(ExportTestCase):
    def test_matrices_of_every_kind(self):
        for vectors in (
            ROWS,
            np.array(ROWS),
            np.array(ROWS, "f2"),
            np.array(ROWS, ">f8"),
            np.array(ROWS, "i8"),
            np.asfortranarray(np.array(ROWS, "f4")),
            [np.array(row) for row in ROWS],
            TorchLike(np.array(ROWS, "f4")),
            [TorchLike(np.array(row, "f4")) for row in ROWS],
        ):
            with self.subTest(type=type(vectors)):
                found, manifest = self.export(vectors)
                self.assertEqual(found.dtype.str, "<f4")
                self.assertEqual(found.tolist(), ROWS)
                self.assertEqual(manifest["candidates"]["count"], 3)
                self.assertEqual(manifest["dimensions"], 2)

    def test_batches_with_and_without_identifiers(self):
        parts = [np.array(ROWS[:2], "f4"), np.array(ROWS[2:], "f4")]
        ids = [np.array([b"a", b"b"]), [b"\xc3\xa9"]]
        for vectors in (parts, iter(parts), (part for part in parts)):
            self.assertEqual(self.export(vectors)[0].tolist(), ROWS)
        for vectors in (list(zip(ids, parts)), zip(ids, parts)):
            found, manifest = self.export(vectors)
            self.assertEqual(found.tolist(), ROWS)
            self.assertEqual(manifest["candidates"]["ids"], "candidates.ids.txt")
            self.assertEqual(self.text("candidates.ids.txt"), "a\nb\né\n")

    def test_a_model_and_a_dataset_of_its_features(self):
        table = {"a": ROWS[0], "b": ROWS[1], "c": ROWS[2]}

        def model(titles):
            return np.array([table[title] for title in titles])

        self.assertEqual(self.export(embed(model, [["a", "b"], ["c"]]))[0].tolist(), ROWS)
        self.assertEqual(self.text("candidates.ids.txt"), "a\nb\nc\n")
        self.export(embed(model, [([7, 8, 9], ["a", "b", "c"])]))
        self.assertEqual(self.text("candidates.ids.txt"), "7\n8\n9\n")
        with self.assertRaisesRegex(ValueError, r"batch 0: features that are a dictionary.*\(ids, features\)"):
            self.export(embed(model, [{"title": ["a"]}]))

    def test_bytes_stay_bytes(self):
        found, _ = self.export(np.array([[1, 255]], "u1"))
        self.assertEqual((found.dtype.str, found.tolist()), ("|u1", [[1, 255]]))

    def test_no_rows_of_known_dimensions(self):
        found, manifest = self.export(np.zeros((0, 4), "f4"), ids=[])
        self.assertEqual((found.shape, manifest["candidates"]["count"]), ((0, 4), 0))

    def test_everything_at_once(self):
        _, manifest = self.export(
            ROWS,
            ids=["a", "b", "a"],
            metadata=[{"year": np.int64(1995)}, {}, {"genres": ("Crime",)}],
            query_vectors=ROWS[:1],
            query_ids=[42],
            test_pairs=[(42, "b")],
            metric="cosine",
            model="by hand",
            duplicate_ids="allow",
            notes={"training.json": {"loss": 1.5}},
        )
        self.assertEqual(manifest["metric"], "cosine")
        self.assertEqual(manifest["model"], "by hand")
        self.assertEqual(manifest["candidates"]["duplicate_ids"], "allow")
        self.assertEqual(manifest["queries"], {"vectors": "queries.npy", "ids": "queries.ids.txt", "count": 1})
        self.assertEqual(manifest["test"], {"pairs": "test.tsv", "count": 1})
        self.assertEqual(len(manifest["sha256"]), 6)
        self.assertEqual(self.text("candidates.ndjson"), '{"year": 1995}\n{}\n{"genres": ["Crime"]}\n')
        self.assertEqual(self.text("test.tsv"), "42\tb\n")
        self.assertEqual(json.loads(self.text("training.json")), {"loss": 1.5})


class SafetensorsTests(ExportTestCase):
    def write(self, **tensors) -> Path:
        header, data = {"__metadata__": {"made": "by hand"}}, b""
        for name, (kind, array) in tensors.items():
            end = len(data) + array.nbytes
            header[name] = {"dtype": kind, "shape": array.shape, "data_offsets": [len(data), end]}
            data += array.tobytes()
        text = json.dumps(header).encode()
        path = self.folder / "model.safetensors"
        path.write_bytes(len(text).to_bytes(8, "little") + text + data)
        return path

    def test_a_tensor_by_name_or_the_only_matrix(self):
        matrix = np.array(ROWS, "f4")
        path = self.write(bias=("F32", np.zeros(3, "f4")), movies=("F32", matrix))
        self.assertEqual(self.export(read_tensor(path))[0].tolist(), ROWS)
        path = self.write(users=("F32", matrix + 1), movies=("F32", matrix))
        self.assertEqual(self.export(read_tensor(path, "movies"))[0].tolist(), ROWS)
        with self.assertRaisesRegex(ValueError, r"2 tensors.*users F32 \[3, 2\], movies F32 \[3, 2\]"):
            read_tensor(path)
        with self.assertRaisesRegex(ValueError, "no tensor 'films'; there are users"):
            read_tensor(path, "films")

    def test_bf16_is_the_upper_half_of_f32(self):
        upper = (np.array(ROWS, "f4").view("u4") >> 16).astype("u2")
        self.assertEqual(self.export(read_tensor(self.write(movies=("BF16", upper))))[0].tolist(), ROWS)

    def test_what_is_no_safetensors_file(self):
        path = self.write(movies=("F32", np.array(ROWS, "f4")))
        path.write_bytes(path.read_bytes()[:-1])
        with self.assertRaisesRegex(ValueError, "the tensor lies at bytes 0 to 24 of 23"):
            read_tensor(path)
        for content in (b"", b"\x93NUMPY" + bytes(100), bytes(8)):
            path.write_bytes(content)
            with self.assertRaisesRegex(ValueError, "no .safetensors file"):
                read_tensor(path)


class RefusedTests(ExportTestCase):
    def assert_refused(self, reason: str, vectors, **options) -> None:
        with self.subTest(reason=reason), self.assertRaisesRegex(ValueError, reason):
            self.export(vectors, **options)
        self.assertEqual(list(self.folder.iterdir()), [])

    def test_values_are_refused_by_row(self):
        nan, inf = float("nan"), float("inf")
        self.assert_refused("candidates, row 1: column 0 is NaN; 2 of 3 rows", [[1, 2], [nan, 1], [1, inf]])
        self.assert_refused("candidates, row 2: column 1 is infinite; 1 of 3", [[1, 2], [1, 1], [1, -inf]])
        self.assert_refused("row 0: column 1 is 3.5e.38, which is beyond a 32-bit float", [[1, 3.5e38]])
        self.assert_refused("row 0: the sum of its squares is beyond", [[3e38, 3e38]])
        self.assert_refused("row 1: the vector is zero", [[1, 2], [0, 0]], metric="cosine")
        self.assert_refused("row 0: the vector is too short", [[1e-20, 0]], metric="cosine")
        self.assert_refused("row 1: the vector is zero", np.array([[1, 2], [0, 0]], "i1"), metric="cosine")
        self.assert_refused("queries, row 0: column 0 is NaN", ROWS, query_vectors=[[nan, 1]])
        late = np.ones((70_000, 2), "f4")
        late[66_000, 1] = nan
        self.assert_refused("candidates, row 66000: column 1 is NaN", late)

    def test_zero_vectors_are_fine_without_directions(self):
        for metric in ("dot", "l2"):
            self.assertEqual(self.export([[0.0, 0.0]], metric=metric)[0].tolist(), [[0, 0]])

    def test_shapes_are_refused(self):
        self.assert_refused("row 1 has 3 dimensions, row 0 has 2", [[1, 2], [1, 2, 3]])
        self.assert_refused(r"shape \(2,\); one vector is 'a.reshape\(1, -1\)'", [1.0, 2.0])
        self.assert_refused(r"shape \(1, 1, 2\)", np.ones((1, 1, 2)))
        self.assert_refused("candidates, row 2: expected 2 dimensions, found 3", [np.ones((2, 2)), np.ones((1, 3))])
        self.assert_refused("queries have 3 dimensions, candidates 2", ROWS, query_vectors=[[1, 2, 3]])
        self.assert_refused("there are none, and so no dimensions", iter([]))
        self.assert_refused("0 dimensions", np.ones((3, 0)))
        self.assert_refused("65536 dimensions", np.ones((1, 65_536)))

    def test_what_is_no_number_is_refused(self):
        self.assert_refused("expected numbers, found elements of type <U1", [["a", "b"]])
        self.assert_refused("expected numbers, found elements of type bool", [[True, False]])
        self.assert_refused("expected numbers, found elements of type complex128", [[1j]])

    def test_ids_are_refused(self):
        self.assert_refused("rows 0 and 2 have the same id 'a'; 1 of 3", ROWS, ids=["a", "b", "a"])
        self.assert_refused("2 ids for 3 vectors", ROWS, ids=["a", "b"])
        self.assert_refused("candidates, ids, row 1: .* a line end", ROWS, ids=["a", "b\nc", "d"])
        self.assert_refused("queries: rows 0 and 1 have the same id", ROWS, query_vectors=ROWS, query_ids=["u", "u", "v"])
        self.assert_refused("ids are given, but the batches bring", [(["a"], np.ones((1, 2)))], ids=["b"])
        self.assert_refused("batch 0: 2 identifiers for 1 embeddings", [(["a", "b"], np.ones((1, 2)))])
        self.assert_refused("batch 1: some batches are", iter([(["a"], np.ones((1, 2))), np.ones((1, 2))]))
        self.assert_refused("2 metadata rows for 3 vectors", ROWS, metadata=[{}, {}])
        self.assert_refused("query_ids are given without query_vectors", ROWS, query_ids=["a"])

    def test_choices_are_refused(self):
        self.assert_refused("unknown metric 'ip'; there are dot, cosine, l2", ROWS, metric="ip")
        self.assert_refused("unknown duplicate_ids 'drop'", ROWS, duplicate_ids="drop")
        self.assert_refused("'manifest.json' is no free name", ROWS, notes={"manifest.json": {}})


class CommandTests(ExportTestCase):
    def run_command(self, *words: str) -> subprocess.CompletedProcess:
        command = [sys.executable, "-m", "trainer", "export", *words, "out"]
        environment = {"PYTHONPATH": str(Path(__file__).parents[2]), "PYTHONDONTWRITEBYTECODE": "1"}
        return subprocess.run(command, cwd=self.folder, env=environment, capture_output=True, text=True, check=False)

    def test_files_become_an_export(self):
        np.save(self.folder / "x.npy", np.array(ROWS))
        (self.folder / "ids.txt").write_bytes(b"\xef\xbb\xbfa\r\nb\xc2\x85\n\n")
        (self.folder / "rows.ndjson").write_text('{"year": 1}\n{}\n{}\n')
        done = self.run_command("--vectors", "x.npy", "--ids", "ids.txt", "--metadata", "rows.ndjson", "--metric", "l2")
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "wrote out\n", ""))
        manifest = read_manifest(self.folder / "out")
        self.assertEqual((manifest["metric"], manifest["candidates"]["count"]), ("l2", 3))
        self.assertEqual((self.folder / "out" / "candidates.ids.txt").read_bytes(), b"a\nb\xc2\x85\n\n")

    def test_what_is_wrong_is_said_in_a_line(self):
        (self.folder / "x.npy").write_text("1 2 3")
        (self.folder / "rows.ndjson").write_text("{}\n{'a': 1}\n")
        for words, reason in (
            (["--vectors", "y.npy"], "error: y.npy: no such file or directory\n"),
            (["--vectors", "x.npy"], "error: x.npy: no .npy file of numbers"),
            (["--vectors", "x.npy", "--tensor", "a"], "error: x.npy: a tensor is named"),
        ):
            done = self.run_command(*words)
            self.assertEqual((done.returncode, done.stderr.count("\n")), (1, 1))
            self.assertIn(reason, done.stderr)
        np.save(self.folder / "x.npy", np.array(ROWS))
        done = self.run_command("--vectors", "x.npy", "--metadata", "rows.ndjson")
        self.assertIn("error: rows.ndjson, line 2: not JSON", done.stderr)
