"""The command: `python -m fuzzing`, which `Tools/fuzz` runs."""

import sys

from experiment.command import main

from .arguments import parse
from .run import run

if __name__ == "__main__":
    sys.exit(main(lambda: run(parse(sys.argv[1:]))))
