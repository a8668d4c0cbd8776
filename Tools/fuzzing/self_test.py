"""Shows that the harness notices what it looks for: targets with a fault behind a magic word."""

import tempfile
from pathlib import Path

from .process import fuzz

# What is planted, and what the report of it must say.
PLANTED = {
    "planted-read": "heap-buffer-overflow",
    "planted-section": "use-after-poison",
    "planted-trap": "deadly signal",
    "planted-allocation": "out-of-memory",
}
EXECUTION_LIMIT = 1_000_000


def self_test() -> int:
    """How many planted faults were not noticed."""
    missed = 0
    for target, expected in PLANTED.items():
        with tempfile.TemporaryDirectory() as directory:
            outcome = fuzz(target, f"-runs={EXECUTION_LIMIT}", "-seed=1", "-max_len=64", corpora=(Path(directory),))
        if outcome.artifact:
            Path(outcome.artifact).unlink(missing_ok=True)
        found = expected in outcome.crash
        missed += not found
        verdict = "noticed" if found else f"MISSED ({outcome.crash or 'no crash'})"
        print(f"{target:<20} {verdict} after {outcome.executions:,} executions: {expected}", flush=True)
    return missed
