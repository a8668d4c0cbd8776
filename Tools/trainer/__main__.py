"""The command: `python -m trainer`, which `Tools/train` runs in its virtual environment."""

import sys
import unittest
from pathlib import Path

from .arguments import parse
from .errors import TrainerError


def main() -> int:
    arguments = parse(sys.argv[1:])
    if arguments.self_test:
        tests = unittest.defaultTestLoader.discover(str(Path(__file__).parent / "tests"), top_level_dir=_tools())
        return 0 if unittest.TextTestRunner(verbosity=2).run(tests).wasSuccessful() else 1
    try:
        return _run(arguments)
    except TrainerError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def _run(arguments) -> int:
    """Only the chosen command's packages are imported: '--help' needs none, 'sample' and 'export' need numpy."""
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
    sys.exit(main())
