"""The command line."""

import argparse
import sys
from pathlib import Path

from experiment.command import Parser

COMMAND = "Tools/crash-test"
PARTS = ("kill", "errors", "power", "mutations", "processes")

DESCRIPTION = """\
Shows by experiment that no crash, error or loss of power leaves a database between two states.

  kill       SIGKILL at every call that changes a file, and in the middle of every write
  errors     EIO, ENOSPC, EINTR and short writes at every such call, once and for ever; a disk that fills up
  power      every prefix of the calls, replayed with only what was synced, and with torn and reordered rests
  mutations  each sync, lock and ordering step taken away in turn: the parts above must notice
  processes  several writers and readers at once, paused at bad moments, and killed at random
  all        all of them (default)

Calls are counted by a library that is preloaded into vecdb (Tools/crash/preloaded): one order over all kinds of calls and
all threads, at a hundredth of what tracing costs. For every operation strace is the witness that it misses none.
"""


def parse(words: list[str]) -> argparse.Namespace:
    """The options, checked; ends the process with status 2 when they are wrong."""
    parser = Parser(COMMAND, DESCRIPTION, PARTS)
    add = parser.add_argument
    add("--only", metavar="NAME", help="only this operation, mutation or scenario")
    add("--point", metavar="POINT", help="only this point, as a failure names it; needs --only")
    add("--seconds", type=float, metavar="S", help="how long 'processes' soaks (default: 60; 6 with --quick)")
    add("--vecdb", type=Path, metavar="FILE", help="test this executable and build none")
    add("--keep", action="store_true", help="keep the databases of failures, and say where they are")
    arguments = parser.parse(words)
    if arguments.seconds is None:
        arguments.seconds = 6.0 if arguments.quick else 60.0
    return arguments


if __name__ == "__main__":
    print("build" if parse(sys.argv[1:]).builds else "")
