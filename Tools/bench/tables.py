"""The tables of one workload's results."""

from dataclasses import dataclass
from typing import Any

Record = dict[str, Any]


@dataclass(frozen=True)
class Table:
    """Columns with headings; the first is aligned left, the others right."""

    title: str
    headings: list[str]
    rows: list[list[str]]

    def markdown(self) -> str:
        cells = [self.headings, *self.rows]
        widths = [max(3, *(len(row[column]) for row in cells)) for column in range(len(self.headings))]
        lines = [_line(row, widths) for row in cells]
        rule = [":" + "-" * (widths[0] - 1), *("-" * (width - 1) + ":" for width in widths[1:])]
        lines.insert(1, "| " + " | ".join(rule) + " |")
        return f"**{self.title}**\n\n" + "\n".join(lines) + "\n"


def of_result(result: Record) -> list[Table]:
    """Every table that the results have figures for."""
    if "sizes" in result:
        return [_growth(result)]
    k = result["workload"]["k"]
    tables = []
    if result.get("at_recall"):
        tables.append(_at_recall("One query at a time, one thread", result["at_recall"], k, with_p99=True))
    if batch := result.get("batch", {}).get("at_recall"):
        tables.append(_at_recall("All queries in one call, one thread", batch, k, with_p99=False))
    tables.append(_build(result["build"]))
    others = _others(result)
    if others:
        tables.append(Table("Other figures", ["figure", "value", "beside"], others))
    return tables


def setting_text(setting: Record) -> str:
    """Like '40/100', in the order of the parameters."""
    return "/".join(str(value) for value in setting.values()) or "–"


def number(value: float | None) -> str:
    """Three digits that matter, thousands grouped."""
    if value is None:
        return "–"
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def ratio(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def byte_size(byte_count: float) -> str:
    """In KiB below one MiB."""
    return f"{number(byte_count / 2**20)} MiB" if byte_count >= 2**20 else f"{number(byte_count / 2**10)} KiB"


def _line(row: list[str], widths: list[int]) -> str:
    rest = [cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)]
    return "| " + " | ".join([row[0].ljust(widths[0]), *rest]) + " |"


def _at_recall(title: str, rows: list[Record], k: int, with_p99: bool) -> Table:
    """Every side's cheapest setting at each recall; with several peers only what fits a line."""
    names = list(rows[0]["sides"])
    in_full = len(names) <= 2
    with_p99 = with_p99 and in_full
    headings = [f"recall@{k}"]
    for name in names:
        headings += [f"{name} µs"] + ["p99"] * with_p99 + ["setting"] * (in_full or name == names[0])
        headings += [f"vecdb ÷ {name}"] * (name != names[0])
    lines = []
    for row in rows:
        line = [f"≥ {row['recall']:.3f}"]
        for name in names:
            point = row["sides"][name] or {"mean_us": None, "p99_us": None, "setting": {}}
            line += [number(point["mean_us"])] + [number(point["p99_us"])] * with_p99
            line += [setting_text(point["setting"])] * (in_full or name == names[0])
            line += [ratio(row["ratios"].get(name))] * (name != names[0])
        lines.append(line)
    return Table(title, headings, lines)


def _build(build: Record) -> Table:
    sides = {name: made for name, made in build.items() if name != "file_bytes"}
    ours = build["vecdb"]
    lines = []
    for name, made in sides.items():
        in_comparison = "" if made is ours else ratio(ours["seconds"] / made["seconds"])
        lines.append([name, number(made["seconds"]), byte_size(made["peak_anonymous_bytes"]), in_comparison])
    title = "Build: vecdb from a file to a durable database, peers in memory, which is counted beyond their vectors"
    return Table(title, ["side", "seconds", "peak memory", "vecdb ÷"], lines)


def _others(result: Record) -> list[list[str]]:
    lines = [[f"{kind} on disk", byte_size(size), ""] for kind, size in result["build"]["file_bytes"].items()]
    if threads := result.get("threads"):
        for mode, name in (("single", "two threads ÷ one, queries"), ("batch", "two threads ÷ one, batches")):
            figures = threads[mode]
            lines.append([name, f"{figures['scaling']:.2f}", f"{number(figures['one_thread_qps'])} queries/s on one"])
        if "arithmetic_scaling" in threads:
            what = "what the machine gives: hashing in two processes"
            lines.append(["two processes ÷ one, arithmetic alone", f"{threads['arithmetic_scaling']:.2f}", what])
    if exact := result.get("exact"):
        single = exact["single"]
        beside = f"{exact['single_over_memory']:.2f} × reading {byte_size(exact['bytes'])}"
        lines.append(["exact search, one query", f"{number(single['mean_us'])} µs", beside])
        for threads_count in (1, 2):
            row = exact[f"batch_{threads_count}"]
            beside = f"{ratio(row['ratio'])} × FAISS flat" if "ratio" in row else ""
            words = "one thread" if threads_count == 1 else "two threads"
            lines.append([f"exact search, batches, {words}", f"{number(row['vecdb_us'])} µs", beside])
    if opening := result.get("opening"):
        first = f"{number(opening['first_answer_us'])} µs of it the answer"
        lines.append(["open and first answer", f"{number(opening['open_and_first_answer_us'])} µs", first])
        lines.append(["resident memory of it", byte_size(opening["resident_growth_bytes"]), ""])
        process, empty = opening["query_process_ms"], opening["empty_process_ms"]
        beside = f"{number(empty['median'])} ms for `--version`"
        lines.append(["whole `vecdb query` process, median", f"{number(process['median'])} ms", beside])
    if cold := result.get("cold"):
        read = [f"{byte_size(cold['read_bytes'])} read"] if cold.get("read_bytes") is not None else []
        faults = [f"{number(cold['major_faults'])} major faults"] if cold.get("major_faults") is not None else []
        lines.append(["query on a cold cache", f"{number(cold['mean_us'])} µs", ", ".join(read + faults)])
    for name, microseconds in result.get("empty_call_us", {}).items():
        lines.append([f"{name}, a search of one row", f"{number(microseconds)} µs", "the cost of a call"])
    return lines


def _growth(result: Record) -> Table:
    lines = []
    for size in result["sizes"]:
        point = size["point"]
        made = result["build"][f"{size['rows']:,} rows"]
        figures = ["–"] * 3
        if point:
            figures = [number(point["mean_us"]), f"{point['recall']:.3f}", setting_text(point["setting"])]
        times = f"{size['times_before']:.2f}" if size["times_before"] else ""
        build = [number(made["seconds"]), byte_size(made["peak_anonymous_bytes"])]
        lines.append([f"{size['rows']:,}", f"{size['leaves']:,}", *figures, times, *build])
    headings = ["rows", "leaves", "µs", "recall", "setting", "÷ smaller", "build s", "peak memory"]
    return Table(f"One query at a recall of at least {result['recall']}", headings, lines)
