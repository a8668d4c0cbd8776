"""The command: `python -m trainer`, which `Tools/train` runs in its virtual environment."""

import argparse
import sys
import unittest
from pathlib import Path

from experiment.command import main

from .arguments import parse
from .errors import TrainerError


def _run(arguments: argparse.Namespace) -> int:
    """Only the chosen command's packages are imported: '--help' needs none, 'sample' and 'export' need numpy."""
    if arguments.self_test:
        tests = unittest.defaultTestLoader.discover(str(Path(__file__).parent / "tests"), top_level_dir=_tools())
        return 0 if unittest.TextTestRunner(verbosity=2).run(tests).wasSuccessful() else 1
    if arguments.command == "movielens":
        from .training import run
    elif arguments.command == "sample":
        from .sample import run
    elif arguments.command == "export":
        from .export_files import run
    elif arguments.command == "tutorial":
        from .tutorial import run
    else:
        from .reference import run
    return run(arguments)


def _tools() -> str:
    return str(Path(__file__).parents[1])


if __name__ == "__main__":
    arguments = parse(sys.argv[1:])
    sys.exit(main(lambda: _run(arguments), TrainerError))
