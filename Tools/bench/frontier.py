"""Points of recall against time: which are worth measuring again, and which is cheapest at a recall."""

from dataclasses import asdict, dataclass
from typing import Any

Setting = dict[str, int]

TARGETS = (0.90, 0.95, 0.98, 0.99, 0.995)
NEAR = 1.15


@dataclass(frozen=True)
class Point:
    """What one setting reached: recall, and microseconds a query."""

    setting: Setting
    recall: float
    mean_us: float
    p50_us: float | None
    p99_us: float | None

    @property
    def qps(self) -> float:
        return 1e6 / self.mean_us

    def record(self) -> dict[str, Any]:
        return {**asdict(self), "qps": self.qps}

    @staticmethod
    def from_record(record: dict[str, Any]) -> "Point":
        return Point(**{name: record[name] for name in ("setting", "recall", "mean_us", "p50_us", "p99_us")})


def key(setting: Setting) -> tuple[tuple[str, int], ...]:
    """A setting as something to look up by."""
    return tuple(sorted(setting.items()))


def frontier(points: list[Point], near: float = 1.0) -> list[Point]:
    """Points that no other beats by more than the factor `near` in time at the same or better recall, by recall."""
    kept = []
    cheapest = float("inf")
    for point in sorted(points, key=lambda point: (-point.recall, point.mean_us)):
        if point.mean_us < cheapest or (near > 1 and point.mean_us <= near * cheapest):
            kept.append(point)
        cheapest = min(cheapest, point.mean_us)
    return kept[::-1]


def cheapest(points: list[Point], recall: float) -> Point | None:
    """The fastest point of at least this recall."""
    reached = [point for point in points if point.recall >= recall]
    return min(reached, key=lambda point: point.mean_us, default=None)


def between(setting: Setting, grid: dict[str, list[int]]) -> list[Setting]:
    """Settings half way, by ratio, from this one to its neighbours on the grid, a parameter at a time."""
    found = []
    for name, values in grid.items():
        others = [value for value in values if value != setting[name]]
        below = max((value for value in others if value < setting[name]), default=None)
        above = min((value for value in others if value > setting[name]), default=None)
        for neighbour in (below, above):
            if neighbour is not None:
                middle = round((setting[name] * neighbour) ** 0.5)
                if middle not in (setting[name], neighbour):
                    found.append({**setting, name: middle})
    return found


def tree_grid(leaves: int) -> dict[str, list[int]]:
    """Leaves searched, from a five-hundredth to a fifth of them, and reorder counts: the same for every tree."""
    return {
        "leaves_to_search": geometric(max(1, leaves / 500), leaves / 5, 2**0.5),
        "reorder": [10, 15, 20, 30, 50, 100, 200, 400, 1000],
    }


def grid_settings(grid: dict[str, list[int]]) -> list[Setting]:
    """The cross product of a grid."""
    settings: list[Setting] = [{}]
    for name, values in grid.items():
        settings = [{**setting, name: value} for setting in settings for value in values]
    return settings


def geometric(first: float, last: float, ratio: float) -> list[int]:
    """Distinct whole numbers from first to last, each about `ratio` times the one before."""
    values, value = set(), float(first)
    while value < last * ratio**0.5:
        values.add(max(1, round(value)))
        value *= ratio
    return sorted(values)
