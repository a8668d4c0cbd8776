"""The tutorial's page: what `Tools/tutorial` measured, as text."""

from typing import Any

# recall@10 and milliseconds of a batch that the tutorial prints for each of its settings.
PRINTED = {"100/10/100": (0.931, 4.67), "1000/100/1000": (0.966, 4.86), "1000/70/400": (0.957, 4.58), "brute force": (None, 33)}


def page(story: dict[str, Any]) -> str:
    """Markdown."""
    sections = [_beginning(story), _exact(story), _large(story), _evaluation(story), _rest(story)]
    return "\n".join(sections)


def _beginning(story: dict[str, Any]) -> str:
    packages = ", ".join(f"{name} {version}" for name, version in story["versions"].items())
    return f"""# Efficient serving

TensorFlow Recommenders' (TFRS) tutorial of that name, told with vecdb: every step with TFRS beside it, on the same embeddings and the same
machine. `Tools/tutorial --data ml-100k` trains, measures and writes this page; `--export` takes embeddings that are there.

{story["model"]}: {story["candidates"]:,} candidates, {story["queries"]:,} queries, {story["pairs"]:,} held-out pairs. {packages}.
"""


def _exact(story: dict[str, Any]) -> str:
    exact = story["exact"]
    same = "byte for byte the same" if exact["streamed_is_stored"] else "NOT the same"
    lines = [
        "## Brute force\n",
        "    vecdb query --from export/ --queries export/queries.npy -k 100       # streamed, nothing is built",
        "    vecdb query movies.vecdb --queries export/queries.npy -k 100 --exact\n",
        f"Both answer {same}. Of {exact['queries']:,} queries {exact['same_order']:,} have the 100 titles of TFRS' `BruteForce` in the "
        f"same order (the others differ where scores do by less than rounding); scores differ by {exact['largest_error']:.1e} of their size at most.\n",
        "`vecdb eval movies.vecdb --labels export/test.tsv` beside `FactorizedTopK`, in both of its ways:\n",
        "| top-k accuracy | TFRS by id | vecdb by id | TFRS by score | vecdb by score |",
        "|---|---|---|---|---|",
    ]
    peers, ours = story["accuracy"]["TFRS"], story["accuracy"]["vecdb"]
    for k in peers["by id"]:
        figures = (side[mode][k] for mode in ("by id", "by score") for side in (peers, ours))
        lines.append(f"| top {k} | " + " | ".join(f"{share:.5f}" for share in figures) + " |")
    lines.append(
        "\nBy score, TFRS adds up a label's own score in another order than its hits', so that by rounding a label may lose against "
        "itself; vecdb computes every score in one order."
    )
    return "\n".join(lines) + "\n"


def _large(story: dict[str, Any]) -> str:
    large = story["enlarged"]
    lines = [
        f"## {large['candidates']:,} candidates\n",
        f"Every movie and {large['copies']:,} copies of it, multiplied element by element by uniform(0, 1) noise, with the empty id. recall@10 counts rows "
        "against brute force. Microseconds a query: TFRS' layers in a batch of all queries through their Python call (brute force: 100 at a time) and one "
        "by one; vecdb one by one on one thread.\n",
        "| leaves/searched/reordered | the tutorial prints | TFRS' ScaNN recall@10 | in a batch | one by one | vecdb recall@10 | one by one |",
        "|---|---|---|---|---|---|---|",
    ]
    for name in ("100/10/100", "1000/100/1000", "1000/70/400", "brute force"):
        ours = large["vecdb"][name]
        peer = large["peers"].get(name if name == "brute force" else f"ScaNN {name}")
        recall, milliseconds = PRINTED[name]
        printed = (f"{recall} at " if recall else "") + f"{milliseconds} ms"
        beside = (
            f"{peer['recall_at_10']:.4f} | {peer['batch_microseconds_per_query']:,.0f} | {peer['single_query_microseconds']:,.0f}"
            if peer else "not installed | |"
        )  # fmt: skip
        lines.append(f"| {name} | {printed} | {beside} | {ours['recall']:.4f} | {ours['mean_us']:,.1f} |")
    defaults, tuned, built = large["vecdb"]["defaults"], large["tuned"], large["builds"]["default"]
    lines += [
        "",
        f"With no knobs given, `vecdb build` makes {built['leaves']:,} leaves in {built['seconds']:.1f} s and searches {defaults['leaves_to_search']} of them, "
        f"{defaults['reorder']} candidates reordered: recall@10 {defaults['recall']:.4f} in {defaults['mean_us']:.1f} µs. "
        f"`vecdb tune --target-recall {tuned['target_recall']}` stores {tuned['best']['leaves_to_search']} and {tuned['best']['reorder']}: "
        f"{tuned['best']['recall']:.4f} in {tuned['best']['mean_us']:.1f} µs.\n",
        "![recall against queries per second](frontier.svg)\n",
        f"Exact scores differ from those of TFRS' brute force by {large['largest_error_of_exact_scores']:.1e} of their size at most.",
    ]
    return "\n".join(lines) + "\n"


def _evaluation(story: dict[str, Any]) -> str:
    exact, quick = story["enlarged"]["labels"][:2]
    lines = [
        "## Evaluation\n",
        f"Top-k accuracy of {exact['labels']:,} held-out pairs over the large catalogue, `vecdb eval --labels`: with the default settings it takes "
        f"{quick['seconds']:.2f} s instead of {exact['seconds']:.1f} s, {quick['times_faster_than_exact']:.0f} times less.\n",
        "| | " + " | ".join(f"top {k}" for k in exact["top_k"]) + " |",
        "|---|" + "---|" * len(exact["top_k"]),
    ]
    for name, row in (("brute force", exact), ("defaults", quick)):
        for mode in ("id", "score"):
            lines.append(f"| {name}, by {mode} | " + " | ".join(f"{x:.5f}" for x in row[f"accuracy_by_{mode}"]) + " |")
    lines.append(
        f"\nThe defaults for top {exact['top_k'][-1]} aim at .95 of the true hits. By id a label that is among the others is lost. By score it counts "
        "where it is not below the last hit: without those others the last hit is a lower one, so that a label just behind the true last place "
        "counts too."
    )
    return "\n".join(lines) + "\n"


def _rest(story: dict[str, Any]) -> str:
    without, copy = story["exclusions"], story["moved"]
    titles = ", ".join(f"'{title}'" for title in without["excluded"])
    unchanged = "the next ten with unchanged scores" if without["scores_unchanged"] else "NOT the next ten"
    only = "those two" if without["only_those_left"] else "NOT those two"
    same = "the same bytes" if copy["identical"] else "NOT the same bytes"
    return f"""## Exclusions

TFRS' `query_with_exclusions` lowers the scores of excluded candidates by 1e5, so that they come back when too few others are left. Here they are left out:
user {without["user"]} without {titles} gets {unchanged}; with all but two candidates excluded there are {without["hits_when_few_are_left"]} hits, {only}.

## Save, move, reload

A copy of the database in another place, opened without the right to write, answers all {copy["queries"]:,} queries with {same}.
"""
