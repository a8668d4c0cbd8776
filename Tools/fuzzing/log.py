"""The committed log: a line for each run of a target."""

import subprocess
from datetime import datetime, timezone
from pathlib import Path

from .arguments import TARGETS
from .corpus import ROOT
from .process import Outcome

LOG = Path(__file__).with_name("log.tsv")
COLUMNS = ("date", "revision", "target", "executions", "seconds", "edges", "corpus", "crashes")


def append(target: str, outcome: Outcome) -> None:
    revision = subprocess.run(
        ["git", "-C", str(ROOT), "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False
    ).stdout.strip()
    date = datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%MZ")
    values = (
        date, revision or "-", target, outcome.executions, round(outcome.seconds), outcome.edges, outcome.inputs,
        1 if outcome.crash else 0,
    )
    if not LOG.exists():
        LOG.write_text("\t".join(COLUMNS) + "\n")
    with LOG.open("a") as log:
        log.write("\t".join(map(str, values)) + "\n")


def print_totals() -> None:
    """What all runs together have done, target by target."""
    lines = [line.split("\t") for line in LOG.read_text().splitlines()[1:]] if LOG.exists() else []
    print(f"{'target':<12}{'executions':>16}{'seconds':>12}{'edges':>9}{'crashes':>9}")
    for target in TARGETS:
        rows = [line for line in lines if line[2] == target]
        executions, seconds = sum(int(row[3]) for row in rows), sum(int(row[4]) for row in rows)
        edges = max((int(row[5]) for row in rows), default=0)
        crashes = sum(int(row[7]) for row in rows)
        print(f"{target:<12}{executions:>16,}{seconds:>12,}{edges:>9,}{crashes:>9,}")
