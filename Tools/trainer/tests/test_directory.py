"""The export directory appears at once, and only where it may."""

import json

from trainer import download
from trainer.directory import read_manifest, write_manifest, written_at_once
from trainer.errors import TrainerError

from .folders import FolderTestCase


class DirectoryTests(FolderTestCase):
    def write(self, content: str = "a\n", overwrite: bool = False) -> None:
        with written_at_once(self.folder / "export", overwrite) as new:
            (new / "candidates.ids.txt").write_text(content)
            write_manifest(new, {"metric": "dot", "candidates": {"ids": "candidates.ids.txt", "count": 1}})

    def names(self) -> list:
        return sorted(path.name for path in self.folder.iterdir())

    def test_the_manifest_names_every_file_with_its_hash(self):
        self.write()
        manifest = read_manifest(self.folder / "export")
        self.assertEqual(list(manifest)[:2], ["format", "version"])
        known = "87428fc522803d31065e7bce3cf03fe475096631e5e07bbd7a0fde60c4cf25c7"
        self.assertEqual(manifest["sha256"], {"candidates.ids.txt": known})
        self.assertEqual(self.names(), ["export"])

    def test_a_changed_file_is_noticed(self):
        self.write()
        (self.folder / "export" / "candidates.ids.txt").write_text("b\n")
        with self.assertRaisesRegex(TrainerError, "candidates.ids.txt: expected SHA-256"):
            read_manifest(self.folder / "export")

    def test_an_export_is_replaced_on_request_alone(self):
        self.write()
        with self.assertRaisesRegex(TrainerError, "overwrite"):
            self.write("b\n")
        self.assertEqual((self.folder / "export" / "candidates.ids.txt").read_text(), "a\n")
        self.write("b\n", overwrite=True)
        self.assertEqual((self.folder / "export" / "candidates.ids.txt").read_text(), "b\n")
        self.assertEqual(self.names(), ["export"])

    def test_what_is_no_export_is_never_replaced(self):
        (self.folder / "export").mkdir()
        (self.folder / "export" / "thesis.txt").write_text("years of work")
        with self.assertRaisesRegex(TrainerError, "no export, and is left alone"):
            self.write(overwrite=True)
        self.assertTrue((self.folder / "export" / "thesis.txt").exists())

    def test_a_failure_leaves_nothing_behind(self):
        self.write()
        for error in (ValueError, KeyboardInterrupt):
            with self.assertRaises(error), written_at_once(self.folder / "export", True) as new:
                (new / "half.txt").write_text("half")
                raise error
        self.assertEqual(self.names(), ["export"])
        self.assertTrue((self.folder / "export" / "candidates.ids.txt").exists())

    def test_the_directory_is_as_readable_as_others(self):
        self.write()
        (self.folder / "other").mkdir()
        self.assertEqual((self.folder / "export").stat().st_mode, (self.folder / "other").stat().st_mode)

    def test_the_manifest_is_written_as_text(self):
        self.write()
        text = (self.folder / "export" / "manifest.json").read_text(encoding="utf-8")
        self.assertTrue(text.endswith("}\n"))
        self.assertEqual(json.loads(text)["version"], 1)


class DownloadTests(FolderTestCase):
    def test_what_was_unpacked_before_is_taken(self):
        (self.folder / "ml-1m").mkdir()
        self.assertEqual(download.fetch("1m", self.folder), self.folder / "ml-1m")

    def test_an_unreachable_server_is_named_with_a_way_out(self):
        self.addCleanup(setattr, download, "SERVER", download.SERVER)
        download.SERVER = "http://127.0.0.1:9/"
        with self.assertRaisesRegex(TrainerError, r"ml-1m.zip: cannot be reached \(connection refused\).*--data ml-1m"):
            download.fetch("1m", self.folder)
        self.assertEqual(list(self.folder.iterdir()), [])

    def test_another_archive_is_refused_by_its_hash(self):
        file = self.folder / "archive.zip"
        file.write_bytes(b"something else")
        with self.assertRaisesRegex(TrainerError, "expected 978,202 bytes with SHA-256 696d65a3.*found 14 with"):
            download._check(download.ARCHIVES["latest-small"], file)
