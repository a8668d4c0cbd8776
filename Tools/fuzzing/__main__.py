"""The command: `python -m fuzzing`, which `Tools/fuzz` runs."""

import sys

from .arguments import parse
from .run import run


def main() -> int:
    try:
        return run(parse(sys.argv[1:]))
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
