"""Results as Markdown and plots, made from the JSON files alone."""

import json
from pathlib import Path
from typing import Any

from .errors import BenchmarkError
from .plot import draw
from .tables import Table, of_result, ratio

HEADLINES = (0.95, 0.99)


def markdown(result: dict[str, Any]) -> str:
    """One workload: a heading, what it is, its tables."""
    lines = [f"## {title(result)}", "", _facts(result), ""]
    lines += [table.markdown() for table in of_result(result)]
    lines += [f"Left out: {name} ({reason})." for name, reason in result.get("left_out", {}).items()]
    lines += [f"Failed: {section}: {message}" for section, message in result.get("failures", {}).items()]
    return "\n".join(lines)


def title(result: dict[str, Any]) -> str:
    """The workload's name, and what kind of run it was where that is not the usual one."""
    words = kinds(result)
    return result["workload"]["name"] + (f" ({', '.join(words)})" if words else "")


def kinds(result: dict[str, Any]) -> list[str]:
    """What sets a run apart from a full one."""
    options = result["options"]
    words = [word for word in ("quick", "partial") if options.get(word)]
    return words + ([options["instruction_set"]] if options["instruction_set"] != "auto" else [])


def write_summary(directory: Path) -> str:
    """Writes summary.md and a plot for every JSON file of the directory; returns the summary."""
    files = sorted(directory.glob("*.json"))
    if not files:
        raise BenchmarkError(f"{directory}: holds no results (*.json); run Tools/benchmark first")
    results = {file: json.loads(file.read_text()) for file in files}
    parts = [_headline(list(results.values())).markdown()]
    for file, result in results.items():
        parts.append(markdown(result))
        if result.get("search"):
            draw(result, file.with_suffix(".svg"))
            name = file.with_suffix(".svg").name
            parts.append(f"![{title(result)}: recall against queries per second]({name})\n")
    parts.append(_machines(list(results.values())))
    summary = "\n".join(parts)
    (directory / "summary.md").write_text(summary)
    return summary


def _headline(results: list[dict[str, Any]]) -> Table:
    """vecdb's time over the fastest peer's at each recall, and over the first one's build, a line a workload."""
    headings = ["workload", *(f"one query, ≥ {target}" for target in HEADLINES)]
    headings += [f"batch, ≥ {target}" for target in HEADLINES] + ["build"]
    lines = []
    peer_names = []
    for result in results:
        peers = [name for name in result["versions"] if name != "vecdb"]
        if not peers:
            continue
        peer = peers[0]
        peer_names.append(f"{peer} {result['versions'][peer]}")
        line = [title(result)]
        for rows in (result.get("at_recall", []), result.get("batch", {}).get("at_recall", [])):
            ratios = {row["recall"]: max(row["ratios"].values(), default=None) for row in rows}
            line += [ratio(ratios.get(target)) for target in HEADLINES]
        build = result["build"]
        lines.append([*line, ratio(build["vecdb"]["seconds"] / build[peer]["seconds"])])
    return Table(f"Time of vecdb ÷ {' and '.join(sorted(set(peer_names))) or 'peer'}", headings, lines)


def _facts(result: dict[str, Any]) -> str:
    workload = result["workload"]
    facts = [f"{workload['rows']:,} × {workload['dimensions']} {workload['element']}", workload["metric"]]
    if "sizes" not in result:
        facts.append(f"{workload['leaves']:,} leaves")
    facts += [f"{workload['query_count']:,} queries", f"k = {workload['k']}"]
    sentence = workload["title"][0].upper() + workload["title"][1:]
    return f"{sentence}: {', '.join(facts)}."


def _machines(results: list[dict[str, Any]]) -> str:
    """Once for every different machine and set of versions."""
    lines: dict[str, list[str]] = {}
    for result in results:
        machine = result["machine"]
        versions = ", ".join(f"{name} {version}" for name, version in result["versions"].items())
        text = (
            f"{machine['processor']}, {machine['cores']} cores, {', '.join(machine['instruction_sets'])}, "
            f"caches {', '.join(machine['caches'])}, {machine['memory_bytes'] / 2**30:.0f} GiB, {machine['system']}; "
            f"{versions}; revision {machine['revision']}, {machine['date']}"
        )
        lines.setdefault(text, []).append(title(result))
    return "\n".join(f"Measured on {text}: {', '.join(names)}.\n" for text, names in lines.items())
