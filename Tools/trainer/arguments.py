"""The command line."""

import argparse
import sys
from pathlib import Path

from .download import ARCHIVES

ROOT = Path(__file__).parents[2]
WORK = ROOT / ".build" / "trainer"
METRICS = ("dot", "cosine", "l2")
DUPLICATE_IDS = ("error", "keep-last", "allow")

DESCRIPTION = """\
Trains a retrieval model with TensorFlow Recommenders (TFRS), or takes embeddings that are there already, and writes
them as an export directory, which 'vecdb build DATABASE --from EXPORT' reads.

commands:
  movielens    train the two-tower model of TFRS' tutorial 'Efficient serving' on MovieLens and export both towers
  sample       train the model whose embeddings ship in Tools/sample; needs numpy alone
  export       export vectors from .npy or .safetensors files; needs numpy alone
  reference    what TFRS itself answers on an export, to compare a database with
  tutorial     TFRS' tutorial 'Efficient serving', told with vecdb beside TFRS (run it as Tools/tutorial)

'Tools/train COMMAND --help' lists a command's options; 'Tools/train --self-test' runs the trainer's own tests.
"""


def parse(words: list[str]) -> argparse.Namespace:
    """The options, checked; ends the process with status 2 when they are wrong."""
    parser = argparse.ArgumentParser(
        prog="Tools/train", description=DESCRIPTION, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--self-test", action="store_true", help="run the trainer's tests and end")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    _movielens(commands.add_parser("movielens", help="train on MovieLens and export"))
    _sample(commands.add_parser("sample", help="train the shipped sample's embeddings"))
    _export(commands.add_parser("export", help="export vectors from files"))
    _reference(commands.add_parser("reference", help="what TFRS answers on an export"))
    _tutorial(commands.add_parser("tutorial", help="the tutorial 'Efficient serving' with vecdb"))
    arguments = parser.parse_args(words)
    if arguments.self_test == (arguments.command is not None):
        parser.error("expected a command: movielens, sample, export, reference or tutorial")
    return arguments


def _movielens(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument(
        "--data",
        type=Path,
        metavar="FOLDER",
        help="MovieLens 100K (u.data, u.item, u.genre), latest-small (ratings.csv, movies.csv) "
        "or 1M (ratings.dat, movies.dat)",
    )
    source.add_argument(
        "--download", choices=ARCHIVES, help="fetch the data set from GroupLens into .build/trainer/data, once"
    )
    add("--seed", type=int, default=42, metavar="N", help="of the split and the embeddings (default: 42)")
    add("--epochs", type=_positive, default=3, metavar="N", help="passes over the ratings (default: 3)")
    _add_target(parser)


def _sample(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--data", type=Path, metavar="FOLDER", help="MovieLens latest-small (ratings.csv, movies.csv)")
    source.add_argument("--download", choices=["latest-small"], help="fetch it from GroupLens, once")
    add("--seed", type=int, default=42, metavar="N", help="of the split and the embeddings (default: 42)")
    add("--show", type=int, action="append", default=[], metavar="USER", help="print this user's top 10; may be repeated")
    _add_target(parser)


def _tutorial(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--export", type=Path, metavar="FOLDER", help="an export with queries and held-out pairs")
    source.add_argument("--data", type=Path, metavar="FOLDER", help="a MovieLens data set, to train on now")
    source.add_argument("--download", choices=ARCHIVES, help="fetch a data set from GroupLens and train on it now")
    add("--copies", type=_positive, default=1000, metavar="N", help="noisy copies of every candidate (default: 1000)")
    add("--vecdb", type=Path, default=ROOT / ".build" / "release" / "vecdb", metavar="FILE", help="the command")
    add("--out", type=Path, default=ROOT / ".build" / "tutorial", metavar="FOLDER", help="where the page and its plot go")


def _export(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--vectors", type=Path, required=True, metavar="FILE", help="candidates: .npy or .safetensors")
    add("--tensor", metavar="NAME", help="which tensor of a .safetensors file (default: the only matrix)")
    add("--ids", type=Path, metavar="FILE", help="candidates' ids, one a line (default: row numbers)")
    add("--metadata", type=Path, metavar="FILE", help="a JSON object a line (.ndjson)")
    add("--query-vectors", type=Path, metavar="FILE", help="the query tower as a table: .npy or .safetensors")
    add("--query-tensor", metavar="NAME", help="which tensor of it")
    add("--query-ids", type=Path, metavar="FILE", help="queries' ids, one a line (default: row numbers)")
    add("--test", type=Path, metavar="FILE", help="held-out pairs: query id, tab, candidate id")
    add("--metric", choices=METRICS, default="dot", help="how query and candidate are compared (default: dot)")
    add("--model", metavar="TEXT", help="what made the vectors, for the manifest")
    add(
        "--duplicate-ids",
        choices=DUPLICATE_IDS,
        default="error",
        help="what readers do when candidates share an id (default: error)",
    )
    _add_target(parser)


def _reference(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("export", type=Path, metavar="EXPORT", help="an export directory with metric dot, queries and test pairs")
    add("-k", "--k", type=_positive, default=100, metavar="N", help="answers per query (default: 100)")
    add(
        "--enlarge",
        type=_positive,
        metavar="N",
        help="also search the catalogue with N noisy copies of every candidate, by brute force and by TFRS' ScaNN layer "
        "(the tutorial has 1000)",
    )
    add("--out", type=Path, metavar="FILE", help="the JSON file (default: .build/trainer/reference/NAME.json)")


def _add_target(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("export", type=Path, metavar="EXPORT", help="the export directory to write")
    parser.add_argument("--overwrite", action="store_true", help="replace an existing export")


def _positive(text: str) -> int:
    if not (text.isascii() and text.isdigit()) or int(text) == 0:
        raise argparse.ArgumentTypeError(f"'{text}' is not a number from 1 up")
    return int(text)


if __name__ == "__main__":
    # What Tools/train has to install for these words.
    print("numpy" if parse(sys.argv[1:]).command in ("sample", "export") else "all")
