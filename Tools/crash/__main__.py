"""The command: `python -m crash`, which `Tools/crash-test` runs."""

import sys

from .arguments import parse
from .run import run
from .world import HarnessError


def main() -> int:
    try:
        return run(parse(sys.argv[1:]))
    except HarnessError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
