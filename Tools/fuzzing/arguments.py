"""The command line."""

import argparse
import sys
from pathlib import Path

TARGETS = {
    "segment": "a segment file: opening, every kind of search, ids, vectors; at times verify and inspect",
    "vectors": ".npy .fbin .u8bin .i8bin .fvecs .bvecs .safetensors .tsv .csv .ndjson, read to the end",
    "metadata": "metadata in .ndjson .tsv .csv: both passes, documents against columns",
    "ids": "files of ids, and tables of ordinals (.npy .ivecs .ibin)",
    "manifest": "manifest.json of an export directory",
    "json": "the JSON scanner, and the way through what it wrote",
    "numbers": "decimal numbers against the standard library's reading",
    "documents": "packed metadata documents: LZ4 with a dictionary",
    "catalog": "a changed catalog: all that searches and verify read of it; at times a whole database with it",
}

DESCRIPTION = """\
Looks for files that make vecdb trap, read out of bounds or take memory that they do not account for: libFuzzer with
the address sanitizer, for each target from its committed corpus (Tools/fuzzing/corpus). A crash is kept in
.build/fuzz/crashes, and each run adds lines to Tools/fuzzing/log.tsv, one for ten minutes at most. Memory is limited to
512 MB in all, 8 MB for one allocation.

targets:
"""


def parse(words: list[str]) -> argparse.Namespace:
    """The options, checked; ends the process with status 2 when they are wrong."""
    parser = argparse.ArgumentParser(
        prog="Tools/fuzz",
        description=DESCRIPTION + "\n".join(f"  {name:<10} {text}" for name, text in TARGETS.items()),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("targets", nargs="*", metavar="TARGET", help="which targets (default: all)")
    add("--seconds", type=int, metavar="N", help="how long each target runs (default: 60)")
    add("--executions", type=int, metavar="N", help="how many inputs each target gets, instead of a time")
    add("--jobs", type=int, default=1, metavar="N", help="processes at the same time (default: 1)")
    add("--seed", type=int, default=0, metavar="N", help="of the mutations; 0: another one each time (default)")
    short = "the short form: every committed input once, a fixed number of seeded mutations of them, and the self-test"
    add("--replay", action="store_true", help=short)
    add("--self-test", action="store_true", help="shows that the harness notices planted faults")
    fewest = "replace the committed corpus by the fewest inputs that cover as much as it and all that was found"
    add("--minimise", action="store_true", help=fewest)
    add("--seeds", action="store_true", help="add the first inputs to the corpus again (Tools/fuzzing/seeds.py)")
    add("--input", type=Path, metavar="FILE", help="run one target on one input, such as a kept crash")
    add("--total", action="store_true", help="print what has been executed so far, and run nothing")
    arguments = parser.parse_args(words)
    for name in arguments.targets:
        if name not in TARGETS:
            parser.error(f"there is no target '{name}'; they are {', '.join(TARGETS)}")
    if arguments.input and len(arguments.targets) != 1:
        parser.error("--input needs exactly one target")
    for name in ("seconds", "executions", "jobs"):
        value = getattr(arguments, name)
        if value is not None and value < 1:
            parser.error(f"--{name} must be 1 or more")
    if arguments.seconds and arguments.executions:
        parser.error("--seconds and --executions exclude each other")
    arguments.targets = arguments.targets or list(TARGETS)
    arguments.builds = not (arguments.seeds or arguments.total)
    return arguments


if __name__ == "__main__":
    print("build" if parse(sys.argv[1:]).builds else "")
