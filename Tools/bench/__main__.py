"""The command: `python -m bench`, which `Tools/benchmark` runs in its virtual environment."""

import sys

from .arguments import parse
from .errors import BenchmarkError


def main() -> int:
    arguments = parse(sys.argv[1:])
    try:
        if arguments.report:
            from .report import write_summary

            print(write_summary(arguments.out))
            return 0
        # Needs numpy, which only the virtual environment has; '--help' and '--report' do without.
        from .run import run

        return run(arguments)
    except BenchmarkError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
