"""Loss of power after every recorded call."""

import argparse
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from experiment.errors import Violation
from experiment.report import Section, each

from .operations import Prepared
from .shim import UNTRACKED, Call
from .volume import Tree, Volume, digest, materialise
from .world import State, World

TORN_STATES = 8
QUICK_TORN_STATES = 1
QUICK_STATES = 24
# The next writer is tried on one of so many states; readers and verify on all.
WRITER_SHARE = 4


@dataclass(frozen=True)
class Cut:
    """One way in which power can fail: after `prefix` calls; variant 0 keeps only what was synced."""

    prefix: int
    variant: int
    tree: Tree

    @property
    def name(self) -> str:
        return f"{self.prefix}:{self.variant}"


@dataclass
class Recording:
    """The calls of one run, and what was there before it."""

    origin: Path
    recorded_at: str
    calls: list[Call]

    def cuts(self, torn_states: int, seed: int) -> Iterator[Cut]:
        """Every prefix, each with `torn_states` random rests."""
        volume = Volume(self.origin, self.recorded_at)
        for prefix in range(len(self.calls) + 1):
            if prefix:
                volume.apply(self.calls[prefix - 1])
                if self.calls[prefix - 1].kind in UNTRACKED:
                    continue
            yield Cut(prefix, 0, volume.synced())
            for variant in range(1, torn_states + 1):
                yield Cut(prefix, variant, volume.torn(random.Random(f"{seed}:{prefix}:{variant}")))

    @property
    def acknowledged(self) -> int:
        """From this prefix on the caller knows that it is done."""
        numbers = [index for index, call in enumerate(self.calls, 1) if call.kind == "acknowledge"]
        return numbers[-1] if numbers else len(self.calls) + 1

    def moment(self, cut: Cut) -> str:
        rest = "only what was synced" if cut.variant == 0 else f"torn state {cut.variant}"
        after = str(self.calls[cut.prefix - 1]) if cut.prefix else "nothing"
        return f"prefix {cut.prefix}, after {after}, {rest}"


def recording_of(prepared: Prepared) -> Recording:
    return Recording(prepared.origin, prepared.recorded_at, prepared.calls)


def power(world: World, prepared: Prepared, section: Section, options: argparse.Namespace) -> None:
    """Replays the operation's calls, and looks at what every loss of power leaves."""
    recording = recording_of(prepared)
    cuts = list(recording.cuts(QUICK_TORN_STATES if options.quick else TORN_STATES, options.seed))
    if options.point:
        cuts = [cut for cut in cuts if cut.name == options.point]
        if not cuts:
            raise Violation(f"there is no point {options.point}")
    section.count("prefixes", len({cut.prefix for cut in cuts}))
    section.count("states", len(cuts))
    # Many states are the same files; each is looked at once.
    distinct = {digest(cut.tree): cut for cut in reversed(cuts)}
    looked_at = list(distinct.items())
    if options.quick and len(looked_at) > QUICK_STATES:
        ends = {digest(cut.tree) for cut in cuts if cut.prefix >= recording.acknowledged}
        chosen = random.Random(options.seed).sample(looked_at, QUICK_STATES)
        looked_at = chosen + [entry for entry in looked_at if entry[0] in ends and entry not in chosen]
    section.count("looked at", len(looked_at))
    found: dict[bytes, State] = {}

    def look(entry: tuple[bytes, Cut]) -> None:
        number, cut = entry
        with world.experiment(section, None, recording.moment(cut), cut.name) as place:
            materialise(cut.tree, place)
            found[number] = prepared.observe(world, place, section)
            if number[0] % WRITER_SHARE == 0:
                world.check_next_writer(place, found[number])

    each(looked_at, options.threads, look)
    durable_from = recording.acknowledged
    for cut in cuts:
        state = found.get(digest(cut.tree))
        if state == prepared.after and cut.variant == 0:
            durable_from = min(durable_from, cut.prefix)
        if state and cut.prefix >= durable_from and state != prepared.after:
            section.fail(recording.moment(cut), f"{state}, but {prepared.after} was durable before", cut.name)
