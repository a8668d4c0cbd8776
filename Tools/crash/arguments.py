"""The command line."""

import argparse
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
VECDB = ROOT / ".build" / "release" / "vecdb"
PARTS = ("kill", "errors", "power", "mutations", "processes")

DESCRIPTION = """\
Shows by experiment that no crash, error or loss of power leaves a database between two states.

  kill       SIGKILL at every call that changes a file, and in the middle of every write
  errors     EIO, ENOSPC, EINTR and short writes at every such call, once and for ever; a disk that fills up
  power      every prefix of the calls, replayed with only what was synced, and with torn and reordered rests
  mutations  each sync, lock and ordering step taken away in turn: the parts above must notice
  processes  several writers and readers at once, paused at bad moments, and killed at random
  all        all of them (default)

Calls are counted by a library that is preloaded into vecdb (Tools/crash/shim.c): one order over all kinds of calls and
all threads, at a hundredth of what tracing costs. For every operation strace is the witness that it misses none.
"""


def parse(words: list[str]) -> argparse.Namespace:
    """The options, checked; ends the process with status 2 when they are wrong."""
    parser = argparse.ArgumentParser(
        prog="Tools/crash-test", description=DESCRIPTION, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("part", nargs="?", choices=[*PARTS, "all"], default="all", help="which part (default: all)")
    add("--quick", action="store_true", help="a fixed sample of the points: a minute in all")
    add("--only", metavar="NAME", help="only this operation, mutation or scenario")
    add("--point", metavar="POINT", help="only this point, as a failure names it; needs --only")
    add("--seed", type=int, default=1, metavar="N", help="of everything random (default: 1)")
    add("--seconds", type=float, metavar="S", help="how long 'processes' soaks (default: 60; 6 with --quick)")
    add("--threads", type=int, default=2, metavar="N", help="points tried at the same time (default: 2)")
    add("--vecdb", type=Path, metavar="FILE", help="test this executable and build none")
    add("--directory", type=Path, metavar="DIR", help="where databases are made (default: memory, /dev/shm)")
    add("--keep", action="store_true", help="keep the databases of failures, and say where they are")
    add("--json", type=Path, metavar="FILE", help="write the figures here as well")
    arguments = parser.parse_args(words)
    if arguments.point and not arguments.only:
        parser.error("--point needs --only")
    if arguments.threads < 1:
        parser.error("--threads must be 1 or more")
    arguments.parts = list(PARTS) if arguments.part == "all" else [arguments.part]
    arguments.builds = arguments.vecdb is None
    arguments.vecdb = (arguments.vecdb or VECDB).resolve()
    if arguments.seconds is None:
        arguments.seconds = 6.0 if arguments.quick else 60.0
    return arguments


if __name__ == "__main__":
    print("build" if parse(sys.argv[1:]).builds else "")
