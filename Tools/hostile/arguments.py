"""The command line."""

import argparse
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
VECDB = ROOT / ".build" / "release" / "vecdb"
PROBE = ROOT / ".build-hostile" / "release" / "Probe"
PARTS = (
    "flips", "lengths", "sealed", "fields", "values", "sections", "mixes", "catalogs", "underneath", "environment",
    "self-check",
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
  underneath   a segment cut off, overwritten, removed or replaced under a running command
  environment  read-only media, network file systems, few descriptors, little memory, links, pipes, odd names
  self-check   faults planted in the harness and in its targets: each must be noticed
  all          all of them (default)

Flips run inside one process (Tools/hostile/probe, through the public library) under 'ulimit -v'; a signal or a hang ends it,
is recorded with its point, and the rest goes on.
"""


def parse(words: list[str]) -> argparse.Namespace:
    """The options, checked; ends the process with status 2 when they are wrong."""
    parser = argparse.ArgumentParser(
        prog="Tools/hostile-test", description=DESCRIPTION, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("part", nargs="?", choices=[*PARTS, "all"], default="all", help="which part (default: all)")
    add("--quick", action="store_true", help="a fixed sample of the points: a minute in all")
    add("--only", metavar="NAME", help="only this section of a part, as a line of the report names it")
    add("--point", type=int, metavar="N", help="only this point of flips, lengths or sealed; needs --only")
    add("--seed", type=int, default=1, metavar="N", help="of everything random (default: 1)")
    add("--threads", type=int, default=2, metavar="N", help="processes at the same time (default: 2)")
    add("--vecdb", type=Path, metavar="FILE", help="test this executable and build none; needs --probe")
    add("--probe", type=Path, metavar="FILE", help="the probe built with the same library")
    add("--directory", type=Path, metavar="DIR", help="where databases are made (default: memory, /dev/shm)")
    add("--keep", action="store_true", help="keep everything that was made, and say where it is")
    add("--json", type=Path, metavar="FILE", help="write the figures here as well")
    arguments = parser.parse_args(words)
    if arguments.point is not None and not arguments.only:
        parser.error("--point needs --only")
    if (arguments.vecdb is None) != (arguments.probe is None):
        parser.error("--vecdb and --probe go together")
    if arguments.threads < 1:
        parser.error("--threads must be 1 or more")
    arguments.parts = list(PARTS) if arguments.part == "all" else [arguments.part]
    arguments.builds = arguments.vecdb is None
    arguments.vecdb = (arguments.vecdb or VECDB).resolve()
    arguments.probe = (arguments.probe or PROBE).resolve()
    return arguments


if __name__ == "__main__":
    print("build" if parse(sys.argv[1:]).builds else "")
