"""Reading MovieLens folders, and what is said about malformed ones."""

from trainer import movielens
from trainer.errors import TrainerError

from .folders import RATINGS, FolderTestCase, write_1m, write_100k, write_latest_small


class ReadingTests(FolderTestCase):
    def test_100k_is_latin_1_with_genres_as_flags(self):
        write_100k(self.folder)
        data = movielens.read(self.folder)
        self.assertEqual(data.name, "MovieLens 100K")
        self.assertEqual(data.titles, ["Amélie (2001)", "Heat (1995)", "Heat (1995)", "unknown"])
        self.assertEqual([movie.year for movie in data.movies], [2001, 1995, 1995, None])
        self.assertEqual(data.movies[1].genres, ["Action", "Drama"])
        self.assertEqual(data.rating_users, [str(user) for user, _, _ in RATINGS])
        self.assertEqual(data.rating_movies[:3], [0, 1, 2])
        self.assertEqual(data.terms, self.folder / "README")

    def test_latest_small_is_utf_8_with_quoted_titles(self):
        write_latest_small(self.folder)
        data = movielens.read(self.folder)
        self.assertEqual(data.name, "MovieLens latest-small")
        self.assertEqual(data.titles[:2], ["Amélie (2001)", "Heat, The (1995)"])
        self.assertEqual(data.movies[3].genres, [])
        self.assertIsNone(data.terms)

    def test_1m_separates_by_two_colons(self):
        write_1m(self.folder)
        data = movielens.read(self.folder)
        self.assertEqual(data.name, "MovieLens 1M")
        self.assertEqual(data.titles[0], "Amélie (2001)")
        self.assertEqual(len(data.rating_users), len(RATINGS))


class MalformedTests(FolderTestCase):
    def assert_refused(self, *parts: str) -> None:
        with self.assertRaises(TrainerError) as caught:
            movielens.read(self.folder)
        for part in parts:
            self.assertIn(part, str(caught.exception))

    def change(self, name: str, line: int, text: str) -> None:
        path = self.folder / name
        lines = path.read_bytes().split(b"\n")
        lines[line - 1] = text.encode("latin-1")
        path.write_bytes(b"\n".join(lines))

    def test_a_folder_without_a_data_set(self):
        self.assert_refused("no MovieLens data set", "u.data")

    def test_a_folder_with_two_data_sets(self):
        write_100k(self.folder)
        write_1m(self.folder)
        self.assert_refused("more than one data set", "u.data, ratings.dat")

    def test_a_missing_file(self):
        write_100k(self.folder)
        (self.folder / "u.item").unlink()
        self.assert_refused("u.item: no such file")

    def test_too_few_fields(self):
        write_100k(self.folder)
        self.change("u.data", 3, "1\t30\t4")
        self.assert_refused("u.data, line 3: expected 4 fields", "found 3")

    def test_a_rating_that_is_none(self):
        for stars in ("six", "6", "nan", "0"):
            write_100k(self.folder)
            self.change("u.data", 2, f"1\t20\t{stars}\t881250949")
            self.assert_refused("u.data, line 2: expected a rating", f"found '{stars}'")

    def test_a_rating_of_an_unknown_movie(self):
        write_1m(self.folder)
        self.change("ratings.dat", 4, "2::99::2::978300760")
        self.assert_refused("ratings.dat, line 4: movie 99 is not among the 4 movies")

    def test_a_movie_id_twice(self):
        write_1m(self.folder)
        self.change("movies.dat", 2, "10::Heat (1995)::Action")
        self.assert_refused("movies.dat, line 2: movie id 10 occurs a second time")

    def test_a_wrong_header(self):
        write_latest_small(self.folder)
        self.change("ratings.csv", 1, "user,movie")
        self.assert_refused("ratings.csv, line 1: expected the header userId,movieId", "found user,movie")

    def test_an_open_quote(self):
        write_latest_small(self.folder)
        self.change("movies.csv", 3, '20,"Heat (1995),Action')
        self.assert_refused("movies.csv, line 5: unexpected end of data")

    def test_bytes_that_are_not_utf_8(self):
        write_latest_small(self.folder)
        self.change("movies.csv", 2, "10,Amélie (2001),Drama")
        self.assert_refused("movies.csv, line 2: byte 5 is not utf-8")

    def test_a_genre_flag_that_is_none(self):
        write_100k(self.folder)
        self.change("u.item", 1, "10|Amélie (2001)|01-Jan-2001||http://a|0|2|1")
        self.assert_refused("u.item, line 1: expected 0 or 1", "found '2'")

    def test_no_ratings(self):
        write_1m(self.folder)
        (self.folder / "ratings.dat").write_bytes(b"")
        self.assert_refused("the data set has no ratings")
