"""The command: `python -m hostile`, which `Tools/hostile-test` runs."""

import sys

from crash.world import HarnessError

from .arguments import parse
from .run import run


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
