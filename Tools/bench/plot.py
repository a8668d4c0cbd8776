"""Recall against queries per second as an SVG picture, without any library."""

import math
from collections.abc import Callable
from typing import Any

from .frontier import Point, frontier

WIDTH, HEIGHT = 860, 540
LEFT, RIGHT, TOP, BOTTOM = 84, 28, 92, 74
LOWEST_RECALL, FINEST_MISS = 0.80, 0.0002
RECALL_TICKS = (0.80, 0.90, 0.95, 0.98, 0.99, 0.995, 0.998, 0.999, 0.9995, 1.0)
COLOURS = ("#0f6fde", "#e4572e", "#2a9d64", "#8e5bc7", "#b07d12")
# Light to dark, for sizes of one thing.
SIZE_COLOURS = ("#7fb5f0", "#2f7fdc", "#0b3f8f")
INK, MUTED, GRID = "#1f2328", "#656d76", "#e4e8ec"
FONT = "system-ui, -apple-system, 'Segoe UI', 'DejaVu Sans', sans-serif"

Scale = Callable[[float], float]


def svg(result: dict[str, Any]) -> str:
    """All measured points of every side, faint, and the frontier of each as a line."""
    sides = {
        name: [point for point in map(Point.from_record, records) if point.recall >= LOWEST_RECALL]
        for name, records in result["search"].items()
    }
    points = [point for found in sides.values() for point in found]
    if not points:
        points = [Point({}, 1.0, 1.0, None, None)]
    colours = SIZE_COLOURS if "sizes" in result else COLOURS
    across = _recall_scale(max(point.recall for point in points))
    low, high = min(point.qps for point in points) / 1.25, max(point.qps for point in points) * 1.25
    up = _qps_scale(low, high)
    parts = [_head(result), _recall_axis(across), _qps_axis(up, low, high)]
    for colour, found in zip(colours, sides.values(), strict=False):
        parts.append(_side(found, colour, across, up))
    parts += [_legend(list(sides), colours, result["versions"]), "</svg>\n"]
    return "\n".join(parts)


def _recall_scale(highest: float) -> Scale:
    """Even steps are even factors of what is missed: from .9 to .99 as wide as from .99 to .999."""

    def position(recall: float) -> float:
        return -math.log10(max(1 - recall, FINEST_MISS))

    first, last = position(LOWEST_RECALL), max(position(highest), position(0.99)) + 0.06
    return lambda recall: LEFT + (WIDTH - LEFT - RIGHT) * (position(recall) - first) / (last - first)


def _qps_scale(low: float, high: float) -> Scale:
    height = HEIGHT - TOP - BOTTOM
    return lambda qps: TOP + height * (1 - math.log(qps / low) / math.log(high / low))


def _head(result: dict[str, Any]) -> str:
    workload = result["workload"]
    size = f"{workload['rows']:,} × {workload['dimensions']}"
    facts = [f"{workload['dimensions']} dimensions" if "sizes" in result else size, workload["metric"]]
    facts += ["quick"] if result["options"]["quick"] else []
    facts += [result["options"]["instruction_set"]] if result["options"]["instruction_set"] != "auto" else []
    subtitle = f"{', '.join(facts)}: one query at a time, one thread"
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" '
            f'viewBox="0 0 {WIDTH} {HEIGHT}" font-family="{FONT}" role="img">',
            f"<title>{workload['name']}: recall against queries per second</title>",
            f'<rect width="{WIDTH}" height="{HEIGHT}" rx="8" fill="#ffffff"/>',
            _text(LEFT, 38, workload["name"], size=20, fill=INK, weight=600),
            _text(LEFT, 60, subtitle, size=13),
        ]
    )


def _recall_axis(across: Scale) -> str:
    parts = []
    for tick in RECALL_TICKS:
        x = across(tick)
        if x <= WIDTH - RIGHT:
            parts.append(_line(x, TOP, x, HEIGHT - BOTTOM, GRID))
            parts.append(_text(x, HEIGHT - BOTTOM + 20, f"{tick:g}", anchor="middle"))
    parts.append(_line(LEFT, HEIGHT - BOTTOM, WIDTH - RIGHT, HEIGHT - BOTTOM, MUTED))
    middle = (LEFT + WIDTH - RIGHT) / 2
    parts.append(_text(middle, HEIGHT - 22, "recall@10 →", anchor="middle", size=13, fill=INK))
    return "\n".join(parts)


def _qps_axis(up: Scale, low: float, high: float) -> str:
    parts = []
    for power in range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1):
        for step in (1, 2, 5):
            tick = step * 10.0**power
            if low <= tick <= high:
                y = up(tick)
                parts.append(_line(LEFT, y, WIDTH - RIGHT, y, GRID))
                parts.append(_text(LEFT - 10, y + 4, f"{tick:,.0f}", anchor="end"))
    middle = (TOP + HEIGHT - BOTTOM) / 2
    label = _text(0, 0, "queries per second →", anchor="middle", size=13, fill=INK)
    parts.append(f'<g transform="translate(22 {middle:.1f}) rotate(-90)">{label}</g>')
    return "\n".join(parts)


def _side(points: list[Point], colour: str, across: Scale, up: Scale) -> str:
    best = frontier(points)
    places = [(across(point.recall), up(point.qps)) for point in points]
    dots = "".join(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2"/>' for x, y in places)
    line = " ".join(f"{across(point.recall):.1f},{up(point.qps):.1f}" for point in best)
    marks = "".join(f"{_mark(point, across, up)}" for point in best)
    return (
        f'<g fill="{colour}" fill-opacity="0.22">{dots}</g>\n'
        f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="2.25" stroke-linejoin="round"/>\n'
        f'<g fill="{colour}" stroke="#ffffff" stroke-width="1.25">{marks}</g>'
    )


def _mark(point: Point, across: Scale, up: Scale) -> str:
    """A point of the frontier; its setting and figures show when pointed at."""
    setting = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in point.setting.items())
    note = f"{setting}: recall {point.recall:.4f}, {point.mean_us:.1f} µs"
    return f'<circle cx="{across(point.recall):.1f}" cy="{up(point.qps):.1f}" r="4"><title>{note}</title></circle>'


def _legend(names: list[str], colours: tuple[str, ...], versions: dict[str, str]) -> str:
    parts, x = [], float(WIDTH - RIGHT)
    for colour, name in reversed(list(zip(colours, names, strict=False))):
        label = f"{name} {versions.get(name, '')}".strip()
        x -= 7.4 * len(label)
        parts.append(_text(x, TOP - 14, label, size=13, fill=INK))
        parts.append(f'<circle cx="{x - 12:.1f}" cy="{TOP - 18.5:.1f}" r="5" fill="{colour}"/>')
        x -= 34
    return "\n".join(parts)


def _text(
    x: float, y: float, text: str, anchor: str = "start", size: int = 12, fill: str = MUTED, weight: int = 400
) -> str:
    escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}" font-weight="{weight}" '
        f'fill="{fill}">{escaped}</text>'
    )


def _line(x1: float, y1: float, x2: float, y2: float, colour: str) -> str:
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}"/>'
