"""Recall against queries per second as an SVG picture, drawn by Matplotlib."""

import math
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter, NullLocator, StrMethodFormatter

from .frontier import Point, frontier

LOWEST_RECALL, FINEST_MISS = 0.80, 0.0002
RECALL_TICKS = (0.80, 0.90, 0.95, 0.98, 0.99, 0.995, 0.998, 0.999, 0.9995, 1.0)
COLOURS = ("#0f6fde", "#e4572e", "#2a9d64", "#8e5bc7", "#b07d12")
# Light to dark, for sizes of one thing.
SIZE_COLOURS = ("#7fb5f0", "#2f7fdc", "#0b3f8f")
INK, MUTED, GRID = "#1f2328", "#656d76", "#e4e8ec"
STYLE = {
    # Text stays text, in a font of whoever looks; names inside the file do not change from run to run.
    "svg.fonttype": "none", "svg.hashsalt": "vecdb", "font.family": "sans-serif",
    "axes.edgecolor": MUTED, "axes.labelcolor": INK, "axes.spines.left": False, "axes.spines.right": False,
    "axes.spines.top": False, "axes.grid": True, "axes.axisbelow": True, "grid.color": GRID,
    "xtick.color": MUTED, "ytick.color": MUTED, "xtick.bottom": False, "ytick.left": False,
}  # fmt: skip


def draw(result: dict[str, Any], path: Path) -> None:
    """All measured points of every side, faint, and the frontier of each as a line."""
    sides = {
        name: [point for point in map(Point.from_record, records) if point.recall >= LOWEST_RECALL]
        for name, records in result["search"].items()
    }
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(8.6, 5.4), layout="constrained")
        figure.get_layout_engine().set(w_pad=0.2, h_pad=0.2)
        axes = figure.subplots()
        for colour, (name, points) in zip(SIZE_COLOURS if "sizes" in result else COLOURS, sides.items()):
            _draw_side(axes, f"{name} {result['versions'].get(name, '')}".strip(), points, colour)
        _scale(axes, [point for points in sides.values() for point in points])
        axes.text(0, 1.13, result["workload"]["name"], transform=axes.transAxes, size=15, weight="bold", color=INK)
        axes.set_title(_facts(result), loc="left", size=10, color=MUTED, pad=24)
        axes.legend(
            loc="lower right", bbox_to_anchor=(1, 1), ncols=len(sides), frameon=False, labelcolor=INK, handlelength=1
        )
        title = f"{result['workload']['name']}: recall against queries per second"
        figure.savefig(path, metadata={"Title": title, "Date": None, "Creator": None})


def _facts(result: dict[str, Any]) -> str:
    workload, options = result["workload"], result["options"]
    size = f"{workload['rows']:,} × {workload['dimensions']}"
    facts = [f"{workload['dimensions']} dimensions" if "sizes" in result else size, workload["metric"]]
    facts += ["quick"] if options["quick"] else []
    facts += [options["instruction_set"]] if options["instruction_set"] != "auto" else []
    return f"{', '.join(facts)}: one query at a time, one thread"


def _draw_side(axes: Axes, name: str, points: list[Point], colour: str) -> None:
    best = frontier(points)
    axes.plot(
        [_place(point.recall) for point in points], [point.qps for point in points],
        "o", markersize=3, markeredgewidth=0, alpha=0.22, color=colour,
    )  # fmt: skip
    axes.plot(
        [_place(point.recall) for point in best], [point.qps for point in best],
        "-o", markersize=6, markeredgecolor="white", linewidth=1.8, color=colour, label=name,
    )  # fmt: skip


def _place(recall: float) -> float:
    """Even steps are even factors of what is missed: from .9 to .99 as wide as from .99 to .999."""
    return -math.log10(max(1 - recall, FINEST_MISS))


def _scale(axes: Axes, points: list[Point]) -> None:
    last = max([_place(0.99), *(_place(point.recall) for point in points)]) + 0.06
    # Where nothing reaches the lowest recall, the axes stay empty.
    speeds = [point.qps for point in points] or [1.0]
    axes.set_xlim(_place(LOWEST_RECALL), last)
    ticks = [tick for tick in RECALL_TICKS if _place(tick) <= last]
    axes.set_xticks([_place(tick) for tick in ticks], [f"{tick:g}" for tick in ticks])
    axes.set_xlabel("recall@10 →", size=10)
    axes.set_yscale("log")
    axes.set_ylim(min(speeds) / 1.25, max(speeds) * 1.25)
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.yaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_minor_formatter(NullFormatter())
    axes.set_ylabel("queries per second →", size=10)
