"""The command line."""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).parents[2]
WORK = ROOT / ".build" / "benchmark"
VECDB = ROOT / ".build" / "release" / "vecdb"
# Where a recommender's trained embeddings lie beside the project, else those that come with it.
EXPORTS = (ROOT.parent / "shared" / "data" / "movielens-100k-tfrs", ROOT / "Tools" / "sample")
WORKLOADS = ("movielens-1.7M", "fashion-mnist", "clustered-1m-l2", "clustered-1m-cosine", "growth")
SECTIONS = ("build", "search", "batch", "threads", "exact", "opening", "cold")
PEERS = ("scann", "faiss", "hnswlib", "usearch")

DESCRIPTION = """\
Measures vecdb beside other vector search libraries on this machine.

Times are comparable only within one run: all sides take turns, pass by pass, and of every setting the best pass
counts. One thread, one query at a time unless the table says otherwise; recall counts ordinals against exact search.

workloads (default: all):
  movielens-1.7M       a recommender's movies and noisy copies of them, 1.7 million × 32, dot
  fashion-mnist        pictures, 60,000 × 784 bytes, l2
  clustered-1m-l2      generated clusters, 1,000,000 × 128 bytes, l2
  clustered-1m-cosine  the same under cosine
  growth               generated clusters, 100,000, 1 million and 10 million × 96, l2; vecdb alone

sections:
  build    from a .npy file to a database that is safe on disk; peers build in memory; time, peak memory, file sizes
  search   one query at a time over a grid of settings, finer around the recalls that the tables show
  batch    all queries in one call on one thread, at the settings that 'search' found worth it
  threads  queries per second of two threads over those of one, and what the machine itself gives
  exact    brute force: against reading memory once, batches against FAISS flat
  opening  opening and the first answer in the library; whole 'vecdb query' processes
  cold     queries that find none of the database in memory

Every run writes NAME.json and NAME.svg, and after the last workload summary.md with all tables of the directory.
"""


def parse(words: list[str]) -> argparse.Namespace:
    """The options, checked; ends the process with status 2 when they are wrong."""
    parser = argparse.ArgumentParser(
        prog="Tools/benchmark", description=DESCRIPTION, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("workloads", nargs="*", metavar="WORKLOAD", help="what to measure (default: all)")
    add("--quick", action="store_true", help="a twentieth of the rows, 100 queries: a smoke test")
    add(
        "--peers",
        type=_list_of(PEERS),
        default=["scann"],
        metavar="LIST",
        help=f"of {', '.join(PEERS)}; or all, or none (default: scann; the last two take minutes to build)",
    )
    add("--only", type=_list_of(SECTIONS), default=list(SECTIONS), metavar="LIST", help="these sections (default: all)")
    add("--passes", type=_positive, default=5, metavar="N", help="passes of 'search' (default: 5)")
    add(
        "--export",
        type=Path,
        metavar="DIR",
        help="for movielens: a directory with candidates.npy and queries.npy "
        "(default: the embeddings beside the project when there are any, else Tools/sample)",
    )
    add("--vecdb", type=Path, metavar="FILE", help="measure this executable and build none")
    add("--instruction-set", metavar="NAME", help="vecdb's kernels, such as avx2 (default: the best there are)")
    add(
        "--out",
        type=Path,
        default=WORK / "results",
        metavar="DIR",
        help="where results go (default: .build/benchmark/results)",
    )
    add(
        "--report",
        action="store_true",
        help="measure nothing: make plots and summary.md again from the JSON files in --out",
    )
    arguments = parser.parse_args(words)
    unknown = [name for name in arguments.workloads if name not in WORKLOADS]
    if unknown:
        parser.error(f"unknown workload '{unknown[0]}'; there are {', '.join(WORKLOADS)}")
    arguments.workloads = list(dict.fromkeys(arguments.workloads)) or list(WORKLOADS)
    arguments.needs = _needs(arguments)
    arguments.vecdb = arguments.vecdb or VECDB
    arguments.export = arguments.export or next((path for path in EXPORTS if path.is_dir()), EXPORTS[-1])
    return arguments


def _needs(arguments: argparse.Namespace) -> list[str]:
    """What has to be there before the run, for Tools/benchmark to make or install."""
    if arguments.report:
        return ["report"]
    return ["build"] * (arguments.vecdb is None) + ["pictures"] * ("fashion-mnist" in arguments.workloads)


def _list_of(known: tuple[str, ...]) -> Callable[[str], list[str]]:
    """A parser of comma-separated names out of `known`."""

    def parse_list(text: str) -> list[str]:
        if text in ("all", "none"):
            return list(known) if text == "all" else []
        names = [name for name in text.split(",") if name]
        for name in names:
            if name not in known:
                raise argparse.ArgumentTypeError(f"unknown '{name}'; there are {', '.join(known)}")
        return names

    return parse_list


def _positive(text: str) -> int:
    if not text.isdigit() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"'{text}' is not a number from 1 up")
    return int(text)


if __name__ == "__main__":
    print(*parse(sys.argv[1:]).needs)
