"""Calls that fail: EIO, ENOSPC, EINTR and short writes, once and for ever."""

import argparse
import errno
from dataclasses import dataclass
from pathlib import Path

from experiment.errors import Violation
from experiment.report import Section

from .operations import Prepared
from .points import try_points
from .shim import Call, read_log
from .volume import Volume, materialise
from .world import World

QUICK_POINTS = 9
ALL = ("open", "create", "write", "truncate", "allocate", "rename", "unlink", "rmdir", "mkdir", "sync", "owner")
LOCKS = ("flock", "record-lock")
ROOM = ("open", "create", "write", "truncate", "allocate", "rename", "mkdir", "sync")
# A record lock is asked for without waiting, so nothing can interrupt it.
INTERRUPTIBLE = ("open", "create", "write", "truncate", "allocate", "sync", "flock")
# What a message must hold when a command that failed has made its change all the same.
DOUBT = "a loss of power may undo it"


@dataclass(frozen=True)
class Fault:
    """A way to fail, and the kinds of calls that can fail so."""

    name: str
    kinds: tuple[str, ...]
    action: str
    errno: int = 0
    # For an interrupt: every other call, or nothing would ever go on.
    forever: bool = False

    def settings(self) -> dict[str, object]:
        return {
            "action": self.action,
            "errno": self.errno,
            "forever": int(self.forever),
            "kinds": ",".join(self.kinds),
        }


FAULTS = {
    (full := f"{name}{'-forever' if forever else ''}"): Fault(full, kinds, action, number, forever)
    for name, kinds, action, number in (
        ("eio", ALL + LOCKS, "fail", errno.EIO),
        ("enospc", ROOM, "fail", errno.ENOSPC),
        ("eintr", INTERRUPTIBLE, "interrupt", 0),
        ("short", ("write",), "short", 0),
    )
    for forever in (False, True)
}


def faults(world: World, prepared: Prepared, section: Section, options: argparse.Namespace) -> None:
    """Lets every call of the operation fail in every way that it can."""
    points = [
        (call, fault.name)
        for call in prepared.calls
        for fault in FAULTS.values()
        if call.number and call.kind in fault.kinds and (fault.action != "short" or call.length > 1)
    ]

    def attempt(place: Path, call: Call, fault: str) -> str:
        return _fail_and_recover(world, prepared, section, place, call, FAULTS[fault])

    try_points(world, prepared, section, points, QUICK_POINTS, attempt, options)


def _fail_and_recover(
    world: World, prepared: Prepared, section: Section, place: Path, call: Call, fault: Fault
) -> str:
    """How it ended."""
    log = world.path / f"{place.name}.log"
    outcome = prepared.run(world, place, log=log, at=call.number, **fault.settings())
    calls = read_log(log)
    log.unlink()
    if outcome.returncode not in (0, 1, 4, 6):
        raise Violation(f"it ended with {outcome.returncode}: {outcome.stderr.strip()[-200:]}")
    found = prepared.observe(world, place, section)
    if outcome.returncode == 0:
        if found != prepared.after:
            raise Violation(f"it ended with 0, but {found} is found")
        _check_durable(world, prepared, section, place, calls)
        ending = "done all the same"
    else:
        if not outcome.stderr.strip():
            raise Violation(f"it ended with {outcome.returncode} and said nothing")
        if found == prepared.before:
            ending = "refused"
        elif DOUBT in outcome.stderr:
            ending = "refused, in doubt"
        else:
            raise Violation(f"it ended with {outcome.returncode}, but {found} is found: {outcome.stderr.strip()[-200:]}")
    world.check_next_writer(place, found)
    return ending


def _check_durable(world: World, prepared: Prepared, section: Section, place: Path, calls: list[Call]) -> None:
    """What was acknowledged survives a loss of power, although a call failed: a failed sync has made nothing safe."""
    volume = Volume(prepared.origin, str(place))
    for call in calls:
        volume.apply(call)
    rest = world.new_place("durable")
    materialise(volume.synced(), rest)
    found = world.observe(rest, section)
    world.discard(rest)
    if found != prepared.after:
        raise Violation(f"it ended with 0, but after a loss of power {found} is found")
