"""A disk that fills up: the operation on a small file system, with room for ever one page more."""

import argparse
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from experiment.errors import Violation
from experiment.report import Section, choose

from .operations import Prepared
from .world import World

# tmpfs gives room in pages.
PAGE = 4096
AMPLE_PAGES = 16_384
QUICK_POINTS = 3
# What the message must advise.
REMEDY = "make room"


def can_mount(world: World) -> bool:
    """Whether this user may mount a file system here."""
    try:
        with _mounted(world):
            return True
    except Violation:
        return False


def full_disk(world: World, prepared: Prepared, section: Section, options: argparse.Namespace) -> None:
    """Gives the operation every amount of room from none to all that it needs."""
    enough = _pages_needed(world, prepared)
    for room in choose(list(range(enough)), _name, QUICK_POINTS, options):
        section.count("full disks")
        try:
            _fill_and_recover(world, prepared, section, room)
        except Violation as violation:
            section.fail(f"room for {room} pages", str(violation), _name(room))


def _name(room: int) -> str:
    return f"room:{room}"


def _pages_needed(world: World, prepared: Prepared) -> int:
    """The least room with which the operation succeeds, by halving."""
    least, most = 0, AMPLE_PAGES
    while least < most:
        room = (least + most) // 2
        with _mounted(world) as place:
            shutil.copytree(prepared.origin, place, dirs_exist_ok=True)
            _leave(place, room)
            if prepared.run(world, place).returncode == 0:
                most = room
            else:
                least = room + 1
    return least


def _fill_and_recover(world: World, prepared: Prepared, section: Section, room: int) -> None:
    with _mounted(world) as place:
        shutil.copytree(prepared.origin, place, dirs_exist_ok=True)
        _leave(place, room)
        outcome = prepared.run(world, place)
        found = prepared.observe(world, place, section, circumstances="full disk")
        if outcome.returncode == 0:
            if found != prepared.after:
                raise Violation(f"it ended with 0, but {found} is found")
        elif outcome.returncode != 1 or REMEDY not in outcome.stderr:
            raise Violation(f"it ended with {outcome.returncode} and does not say '{REMEDY}': {outcome.stderr.strip()}")
        elif found != prepared.before:
            raise Violation(f"it ended with 1, but {found} is found: {outcome.stderr.strip()}")
        _leave(place, AMPLE_PAGES)
        world.check_next_writer(place, found)


@contextmanager
def _mounted(world: World) -> Iterator[Path]:
    place = world.new_place("full")
    _mount(place, "size=64m")
    try:
        yield place
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True, capture_output=True)
        world.discard(place)


def _leave(place: Path, room: int) -> None:
    """Lets so many pages be free."""
    status = os.statvfs(place)
    used = status.f_blocks - status.f_bfree
    # A size of 0 means no limit, and an empty file system uses nothing: there, one page is the least.
    _mount(place, f"remount,size={max(1, used + room) * PAGE}")


def _mount(place: Path, words: str) -> None:
    outcome = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", words, "tmpfs", str(place)], capture_output=True, text=True, check=False
    )
    if outcome.returncode:
        raise Violation(f"mount ended with {outcome.returncode}: {outcome.stderr.strip()}")
