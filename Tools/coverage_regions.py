"""Which regions of the source no test reached, and whether each has its reason beside it; `Tools/coverage` runs this.

usage: coverage_regions.py EXPORT FOLDER...    EXPORT is what `llvm-cov export` wrote
       coverage_regions.py --check             tries the rules on planted faults
"""

import json
import re
import sys
from dataclasses import dataclass, field
from pathlib import Path

REASON = re.compile(r"//.*\bunreached: (.+)")
# Code that only a caller's mistake runs: its end is a trap, so no test survives it.
TRAP = re.compile(r"\b(precondition|preconditionFailure|fatalError)\(")
CODE_REGION = 0
# What holds code; kernels are in files that C includes once for each instruction set.
SUFFIXES = {".swift", ".c", ".inc", ".h"}


@dataclass(frozen=True, order=True)
class Region:
    """A piece of code without a branch; lines and columns from 1, the end excluded."""

    start: tuple[int, int]
    end: tuple[int, int]

    def contains(self, other: "Region") -> bool:
        return self != other and self.start <= other.start and other.end <= self.end


@dataclass
class Result:
    """What was found about one file."""

    name: str
    region_count: int = 0
    reached_count: int = 0
    reasoned: list[tuple[Region, str]] = field(default_factory=list)
    unreasoned: list[Region] = field(default_factory=list)
    # Lines with a reason where nothing is unreached.
    stale: list[int] = field(default_factory=list)

    @property
    def is_good(self) -> bool:
        return not self.unreasoned and not self.stale


def counted_regions(export: dict) -> dict[str, dict[Region, int]]:
    """For each file its regions and how often each was reached, summed over everything that was compiled from it."""
    counts: dict[str, dict[Region, int]] = {}
    for function in (function for data in export["data"] for function in data["functions"]):
        for *place, count, file, _, kind in function["regions"]:
            if kind == CODE_REGION:
                region = Region((place[0], place[1]), (place[2], place[3]))
                of_file = counts.setdefault(function["filenames"][file], {})
                of_file[region] = of_file.get(region, 0) + count
    return counts


def judge(name: str, text: str, counts: dict[Region, int]) -> Result:
    """Compares what was reached with the reasons in the text."""
    lines = text.split("\n")
    result = Result(name)
    used: set[int] = set()
    counts = {region: count for region, count in counts.items() if not _is_empty(lines, region)}
    counts = {region: count for region, count in counts.items() if count or not _is_trap(lines, region)}
    unreached = sorted(region for region, count in counts.items() if count == 0)
    result.region_count = len(counts)
    result.reached_count = len(counts) - len(unreached)
    for region in unreached:
        found = _reason(lines, region.start[0])
        if found:
            used.add(found[0])
            result.reasoned.append((region, found[1]))
        elif enclosing := next((outer for outer in unreached if outer.contains(region)), None):
            # What encloses it has a reason, or is reported itself.
            reason = _reason(lines, enclosing.start[0])
            if reason:
                result.reasoned.append((region, reason[1]))
        else:
            result.unreasoned.append(region)
    result.stale = [number for number, line in enumerate(lines, 1) if REASON.search(line) and number not in used]
    return result


def _reason(lines: list[str], number: int) -> "tuple[int, str] | None":
    """The line and text of the reason on line `number`, or in the comment right above it."""
    if found := REASON.search(lines[number - 1]):
        return number, found.group(1)
    number -= 1
    while number > 0 and lines[number - 1].lstrip().startswith("//"):
        if found := REASON.search(lines[number - 1]):
            return number, found.group(1)
        number -= 1
    return None


def _is_empty(lines: list[str], region: Region) -> bool:
    """Whether there is nothing to run: what follows an endless loop, and the operand-less operator of `array[...]`."""
    (first, column), (last, end) = region.start, region.end
    text = "\n".join(lines[first - 1 : last])
    behind = len(lines[last - 1]) - (end - 1)
    return text[column - 1 : len(text) - behind].strip() in ("", "}", "...")


def _is_trap(lines: list[str], region: Region) -> bool:
    """Whether the region is a message of a precondition, or ends in a trap."""
    first, last = region.start[0], region.end[0]
    return any(TRAP.search(line) for line in lines[first - 1 : last]) and last - first <= 2


def print_report(results: list[Result]) -> None:
    width = max(len(result.name) for result in results)
    print(f"{'file':<{width}}  regions  reached  unreached with reason  without  stale reasons")
    total = Result("all")
    for result in results:
        total.region_count += result.region_count
        total.reached_count += result.reached_count
        total.reasoned += result.reasoned
        total.unreasoned += result.unreasoned
        total.stale += result.stale
    for result in [*results, total]:
        print(
            f"{result.name:<{width}}  {result.region_count:>7,}  {result.reached_count:>7,}  {len(result.reasoned):>21,}"
            f"  {len(result.unreasoned):>7,}  {len(result.stale):>13,}"
        )
    for result in results:
        for region in result.unreasoned:
            print(f"{result.name}:{region.start[0]}:{region.start[1]}: unreached, without a reason")
        for number in result.stale:
            print(f"{result.name}:{number}: a reason where everything is reached")


CHECKED_TEXT = """\
guard isOpen else {
    // unreached: it is open
    return
}
guard isFull else { return }  // unreached: it is full
guard isNew else { return }
precondition(count > 0, "none")
}
"""
# What was counted for this text, and what must be said of it: reasons, regions without one, stale reasons.
CHECKS = [
    ("reasons where all is reached", {((1, 19), (4, 2)): 1, ((5, 19), (5, 29)): 1, ((6, 18), (6, 28)): 1}, (0, 0, 2)),
    ("a reason in the line", {((1, 19), (4, 2)): 1, ((5, 19), (5, 29)): 0}, (1, 0, 1)),
    ("a reason in the line above", {((3, 5), (3, 11)): 0, ((5, 19), (5, 29)): 0}, (2, 0, 0)),
    ("no reason", {((3, 5), (3, 11)): 0, ((5, 19), (5, 29)): 0, ((6, 18), (6, 28)): 0}, (2, 1, 0)),
    ("what traps", {((3, 5), (3, 11)): 0, ((5, 19), (5, 29)): 0, ((7, 25), (7, 31)): 0}, (2, 0, 0)),
    ("what is empty", {((3, 5), (3, 11)): 0, ((5, 19), (5, 29)): 0, ((8, 1), (8, 2)): 0}, (2, 0, 0)),
    ("one inside another", {((5, 1), (6, 28)): 0, ((6, 18), (6, 28)): 0, ((3, 5), (3, 11)): 0}, (3, 0, 0)),
]


def check() -> int:
    """Tries the rules on a text with planted faults."""
    for name, counts, expected in CHECKS:
        regions = {Region(*place): count for place, count in counts.items()}
        result = judge("a text", CHECKED_TEXT, regions)
        found = (len(result.reasoned), len(result.unreasoned), len(result.stale))
        if found != expected or result.is_good != (expected[1:] == (0, 0)):
            print(f"error: {name}: found {found}, expected {expected}", file=sys.stderr)
            return 1
    return 0


def main(arguments: list[str]) -> int:
    if arguments == ["--check"]:
        return check()
    export, folders = json.loads(Path(arguments[0]).read_text()), [Path(folder) for folder in arguments[1:]]
    counts = counted_regions(export)
    files = sorted(file for folder in folders for file in folder.rglob("*") if file.suffix in SUFFIXES)
    # A file that only declares types has no code.
    results = [judge(str(file), file.read_text(), counts.get(str(file.resolve()), {})) for file in files]
    if not any(result.reached_count for result in results):
        print("error: nothing was reached at all; these are not the counters of this source", file=sys.stderr)
        return 1
    print_report(results)
    return 0 if all(result.is_good for result in results) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
