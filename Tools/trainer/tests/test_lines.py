"""Ids, metadata and pairs: what is written, and what no line of a file can hold."""

from trainer.errors import TrainerError
from trainer.lines import check_unique, id_texts, write_ids, write_metadata, write_pairs

from .folders import FolderTestCase


class IdTests(FolderTestCase):
    def test_text_bytes_and_whole_numbers_are_ids(self):
        self.assertEqual(id_texts(["a", b"\xc3\xa9", 7, ""], "ids"), ["a", "é", "7", ""])

    def test_what_an_id_file_cannot_hold_is_refused_by_row(self):
        for bad, reason in (
            ("a\nb", "a line end"),
            ("a\0b", "a NUL"),
            ("a\r", "a carriage return"),
            ("\ufeffa", "a byte order mark"),
            ("\ud800", "not valid Unicode"),
            (b"\xff", "not UTF-8"),
            (1.5, "expected text or a whole number"),
            (True, "expected text or a whole number"),
            (None, "expected text or a whole number"),
            ("a" * (1 << 20) + "a", "1,048,577 bytes"),
        ):
            with self.subTest(reason=reason), self.assertRaisesRegex(ValueError, f"ids, row 1: .*{reason}"):
                id_texts(["good", bad], "ids")

    def test_repeated_ids_are_named_and_counted(self):
        with self.assertRaisesRegex(ValueError, "rows 0 and 2 have the same id 'a'; 2 of 4 rows repeat"):
            check_unique(["a", "b", "a", "a"], "candidates", "correct them")

    def test_lines_end_with_a_newline_alone(self):
        write_ids(self.folder / "ids.txt", ["é", "", "b\u2028c"])
        self.assertEqual((self.folder / "ids.txt").read_bytes(), "é\n\nb\u2028c\n".encode())


class MetadataTests(FolderTestCase):
    def write(self, *rows: object) -> str:
        write_metadata(self.folder / "rows.ndjson", rows)
        return (self.folder / "rows.ndjson").read_text(encoding="utf-8")

    def test_a_row_is_a_line_of_json(self):
        self.assertEqual(self.write({"title": "a\nb é", "year": None}, {}), '{"title": "a\\nb é", "year": null}\n{}\n')

    def test_what_json_cannot_say_is_refused_by_row(self):
        deep = []
        for _ in range(64):
            deep = [deep]
        for bad, reason in (
            ({"a": float("nan")}, "no NaN"),
            ({1: "a"}, "expected text as key, found 1"),
            ({"a": {1}}, "nothing for {1}"),
            ({"a": "\ud800"}, "not valid Unicode"),
            ({"a": deep}, "more than 64 levels"),
            (["a"], "expected a dictionary, found list"),
        ):
            with self.subTest(reason=reason), self.assertRaisesRegex(ValueError, f"metadata, row 1: .*{reason}"):
                self.write({}, bad)


class PairTests(FolderTestCase):
    def write(self, *pairs: object) -> str:
        write_pairs(self.folder / "test.tsv", pairs, ["u", "t\tab"], ["c", "d\te"])
        return (self.folder / "test.tsv").read_text()

    def test_a_pair_is_a_line_and_only_the_candidate_may_hold_a_tab(self):
        self.assertEqual(self.write(("u", "c"), ("u", "d\te")), "u\tc\nu\td\te\n")
        with self.assertRaisesRegex(TrainerError, "row 0: the query id 't.tab' holds a tab"):
            self.write(("t\tab", "c"))

    def test_unknown_ids_and_no_pairs_are_refused_by_row(self):
        for bad, reason in (
            (("x", "c"), "'x' is none of the 2 query ids"),
            (("u", "x"), "'x' is none of the candidates' ids"),
            (("u",), "expected a query id and a candidate id"),
            (7, "expected a query id and a candidate id, found 7"),
        ):
            with self.subTest(reason=reason), self.assertRaisesRegex(ValueError, f"test pairs, row 1: .*{reason}"):
                self.write(("u", "c"), bad)
