"""The command line."""

import argparse
import sys
from pathlib import Path

from experiment.command import ROOT, Parser

COMMAND = "Tools/hostile-test"
PROBE = ROOT / ".build" / "release" / "Probe"
PARTS = (
    "flips", "lengths", "sealed", "fields", "values", "sections", "mixes", "catalogs", "trees", "terminal",
    "underneath", "environment", "places", "self-check",
)  # fmt: skip

DESCRIPTION = """\
Shows by experiment that no file, whoever made it, makes vecdb answer silently wrong, crash, hang, or take memory without bound.

  flips        every bit of a segment and of a catalog turned over: verify names the place, a query answers as before or throws
  lengths      a segment cut off at every length, and extended: refused; a catalog: as before or refused;
               an open segment, by a program without the guard: an error
  sealed       flips with all checksums brought up to date, so that only structure protects: no signal, no hang
  fields       every field of header, table and parameters at its limits, one by one and in pairs, checksums up to date
  values       values inside sections: extents, ordinals, rows, id offsets, NaN and infinities, checksums up to date
  sections     sections swapped, overlapped, doubled, left out, misaligned, taken from elsewhere
  mixes        files of two databases, and of two generations
  catalogs     crafted SQLite databases: triggers, views, types, blobs, versions, page sizes, WAL
  trees        catalogs whose pages all lead to one child, to themselves, or too deep, and far more rows than any has: each
               command ends within seconds, in bounded memory
  terminal     control characters in everything that files say: none reaches a terminal; closed standard streams
  underneath   a segment cut off, overwritten, removed or replaced under a running command
  environment  read-only media, network file systems, few descriptors, little memory, links, pipes, odd names
  places       journals of other databases and names beside the catalog in all kinds; directories swapped at every call; modes
  self-check   faults planted in the harness and in its targets: each must be noticed
  all          all of them (default)

Flips run inside one process (Tools/hostile/probe, through the public library) under 'ulimit -v'; a signal or a hang ends it,
is recorded with its point, and the rest goes on.
"""


def parse(words: list[str]) -> argparse.Namespace:
    """The options, checked; ends the process with status 2 when they are wrong."""
    parser = Parser(COMMAND, DESCRIPTION, PARTS)
    add = parser.add_argument
    add("--only", metavar="NAME", help="only this section of a part, as a line of the report names it")
    add("--point", type=int, metavar="N", help="only this point of flips, lengths or sealed; needs --only")
    add("--vecdb", type=Path, metavar="FILE", help="test this executable and build none; needs --probe")
    add("--probe", type=Path, metavar="FILE", help="the probe built with the same library")
    add("--keep", action="store_true", help="keep everything that was made, and say where it is")
    arguments = parser.parse(words)
    if arguments.builds != (arguments.probe is None):
        parser.error("--vecdb and --probe go together")
    arguments.probe = (arguments.probe or PROBE).resolve()
    return arguments


if __name__ == "__main__":
    print("build" if parse(sys.argv[1:]).builds else "")
