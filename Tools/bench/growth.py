"""How the cost of a query grows with the rows, at a fixed recall; vecdb alone."""

from collections.abc import Callable
from typing import Any

from .frontier import Point, cheapest
from .measure import search
from .ours import Vecdb
from .workloads import GROWTH_ROWS, Settings, growth

RECALL = 0.95


def run(
    settings: Settings,
    make_side: Callable[[Any], Vecdb],
    passes: int,
    progress: Callable[[str], None],
) -> dict[str, Any]:
    """Builds every size, searches them in turn, and compares each with the next smaller."""
    workloads = [growth(rows, settings, progress) for rows in GROWTH_ROWS]
    sides = [make_side(workload) for workload in workloads]
    builds = {}
    for side in sides:
        side.name = f"{side.workload.rows:,} rows"
        progress(f"build: {side.name}")
        made = side.build()
        builds[side.name] = {
            "seconds": made.seconds,
            "peak_anonymous_bytes": made.peak_anonymous_bytes,
            "file_bytes": side.file_sizes(),
        }
    points = search(sides, passes, progress)
    return {
        "workload": {
            **workloads[-1].description(),
            "name": "growth",
            "title": "the same clusters with more and more rows",
        },
        "recall": RECALL,
        "sizes": _sizes(sides, points),
        "build": builds,
        "search": {name: [point.record() for point in found] for name, found in points.items()},
        "versions": {"vecdb": sides[0].version()},
    }


def _sizes(sides: list[Vecdb], points: dict[str, list[Point]]) -> list[dict[str, Any]]:
    """The cheapest setting of every size, and its time over that of the size before."""
    sizes = []
    before = None
    for side in sides:
        best = cheapest(points[side.name], RECALL)
        sizes.append(
            {
                "rows": side.workload.rows,
                "leaves": side.workload.leaves,
                "point": best.record() if best else None,
                "times_before": best.mean_us / before.mean_us if best and before else None,
            }
        )
        before = best
    return sizes
