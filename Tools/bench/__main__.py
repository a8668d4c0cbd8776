"""The command: `python -m bench`, which `Tools/benchmark` runs in its virtual environment."""

import argparse
import sys

from experiment.command import main

from .arguments import parse
from .errors import BenchmarkError


def _run(arguments: argparse.Namespace) -> int:
    # What follows needs packages that only the virtual environment has; '--help' does without.
    if arguments.report:
        from .report import write_summary

        print(write_summary(arguments.out))
        return 0
    from .run import run

    return run(arguments)


if __name__ == "__main__":
    arguments = parse(sys.argv[1:])
    sys.exit(main(lambda: _run(arguments), BenchmarkError))
