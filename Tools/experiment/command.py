"""A harness as a command: its options, its exit status, its parts one after the other."""

import argparse
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from .errors import HarnessError
from .report import Section, write_json
from .world import World

ROOT = Path(__file__).parents[2]
VECDB = ROOT / ".build" / "release" / "vecdb"

Part = Callable[[World, argparse.Namespace], list[Section]]


class Parser(argparse.ArgumentParser):
    """The options that every harness has."""

    def __init__(self, command: str, description: str, parts: Sequence[str]):
        super().__init__(
            prog=command, description=description, formatter_class=argparse.RawDescriptionHelpFormatter
        )
        self._parts = parts
        add = self.add_argument
        add("part", nargs="?", choices=[*parts, "all"], default="all", help="which part (default: all)")
        add("--quick", action="store_true", help="a fixed sample of the points: a minute in all")
        add("--seed", type=int, default=1, metavar="N", help="of everything random (default: 1)")
        add("--threads", type=int, default=2, metavar="N", help="points tried at the same time (default: 2)")
        add("--directory", type=Path, metavar="DIR", help="where databases are made (default: memory, /dev/shm)")
        add("--json", type=Path, metavar="FILE", help="write the figures here as well")

    def parse(self, words: list[str]) -> argparse.Namespace:
        """The options, checked as far as every harness has them; ends the process with status 2 when they are wrong."""
        arguments = self.parse_args(words)
        if arguments.point is not None and not arguments.only:
            self.error("--point needs --only")
        if arguments.threads < 1:
            self.error("--threads must be 1 or more")
        arguments.command = self.prog
        arguments.parts = list(self._parts) if arguments.part == "all" else [arguments.part]
        arguments.builds = arguments.vecdb is None
        arguments.vecdb = (arguments.vecdb or VECDB).resolve()
        return arguments


def main(run: Callable[[], int], refusal: type[Exception] = HarnessError) -> int:
    """The exit status of a command that may be interrupted, or end with an error that says what to do."""
    try:
        return run()
    except refusal as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def run_parts(parts: Mapping[str, Part], world: World, arguments: argparse.Namespace) -> int:
    """Runs the parts that were asked for; the exit status is 1 when a promise was broken."""
    started = time.monotonic()
    try:
        sections = [section for part in arguments.parts for section in parts[part](world, arguments)]
    finally:
        if arguments.keep:
            print(f"kept: {world.path}", flush=True)
        else:
            world.close()
    if not sections:
        raise HarnessError(f"nothing is named '{arguments.only}' in {', '.join(arguments.parts)}")
    if arguments.json:
        options = {"quick": arguments.quick, "seed": arguments.seed, "only": arguments.only, "parts": arguments.parts}
        write_json(arguments.json, sections, options)
    failures = sum(len(section.failures) for section in sections)
    seconds = time.monotonic() - started
    print(f"{arguments.command}: {len(sections)} sections, {failures} failures, {seconds:.0f} s", flush=True)
    return 1 if failures else 0
