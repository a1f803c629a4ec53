"""Writes what bench.py measured as JSON and as Markdown tables."""

import json
import re
from statistics import median

# Answers with 200 of all that were sent, then their median and longest time.
LIVED_IN = ["case", "", "the others' pages", "`/up`", "the visitors' pages"]
LIVED_IN += ["memory (MB)"]


def write(results, path):
    """Write `path`.json and `path`.md.

    Return the tables of performance.md by the names of their places in it.
    """
    path.with_suffix(".json").write_text(json.dumps(results, indent=1) + "\n")
    if "lived in" in results:
        tables = {"lived in": table(LIVED_IN, results["lived in"])}
    else:
        facts = [f"{name}: {value}" for name, value in results["machine"].items()]
        tables = {"machine": "; ".join(facts) + "."}
        tables["bars"] = bars(results)
        tables["costs"] = costs(results["costs"])
        tables["levers"] = levers(results["levers"])
    path.with_suffix(".md").write_text("\n\n".join(tables.values()) + "\n")
    return tables


def publish(tables, page):
    """Put each table into its place in a page, between two comments."""
    text = page.read_text()
    for name, found in tables.items():
        place = rf"(<!-- bench: {name} -->\n).*?(\n<!-- end -->)"
        parts = re.split(place, text, flags=re.DOTALL)
        if len(parts) != 4:
            count = len(parts) // 3
            raise ValueError(f"{page} has {count} places for the table {name!r}")
        before, start, end, after = parts
        text = before + start + found + end + after
    page.write_text(text)


def table(head, rows):
    """Return a Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)


def times(mine, other, figure="rate"):
    """Return one contender's median over the rounds, divided by another's."""
    return median(mine[figure]) / median(other[figure])


def costs(contenders):
    """Return the table of what a contender costs beside time for requests."""
    figures = dict.fromkeys(k for cost in contenders.values() for k in cost)
    rows = []
    for figure in figures:
        values = [cost.get(figure, 0) for cost in contenders.values()]
        rows.append([figure, *(f"{value:.4g}" for value in values)])
    return table(["", *contenders], rows)


def levers(cases):
    """Return the table of what is left without each lever."""
    names = [name for name in next(iter(cases.values())) if name != "ours"]
    rows = []
    for name in names:
        left = [times(mine[name], mine["ours"]) for mine in cases.values()]
        rows.append([name, *(f"{ratio:.2f} ×" for ratio in left)])
    return table(["requests a second, of ours, with", *cases], rows)


def bars(results):
    """Return the table of what was asked for, what came out, and whether that holds."""
    cases = results["rates"]
    reference = results["reference"]
    ours = results["costs"]["ours"]
    theirs = results["costs"][reference]
    rows = []

    def least(text, wanted, got):
        rows.append([text, f"at least {wanted} ×", f"{got:.3g}", yes_no(got >= wanted)])

    def most(text, wanted, got, unit="×"):
        met = yes_no(got <= wanted)
        rows.append([text, f"at most {wanted} {unit}", f"{got:.3g}", met])

    def ratio(case, other):
        return times(cases[case]["ours"], cases[case][other])

    bare = "bare WSGI function"
    memory = "memory, 2 workers (MB)"
    boot = "first 200 (s)"
    for case in ("stylesheet", "image"):
        least(f"{case}, {reference}'s", 1.9, ratio(case, reference))
        least(f"{case}, the bare function's", 0.85, ratio(case, bare))
    least(f"home page, {reference}'s", 1.05, ratio("home page", reference))
    least("`/up`, the bare function's", 0.8, ratio("/up", bare))
    default = "Django's defaults"
    least(f"logged-in page, {default}", 1.5, ratio("logged-in page", default))
    query = "one-query page"
    least(f"{query}, {reference}'s", 0.9, ratio(query, reference))
    most("new connections in steady state", 0, results["new connections"], "")
    p99 = times(cases["home page"]["ours"], cases["home page"][reference], "p99_ms")
    most(f"home page, p99 under full load, {reference}'s", 1, p99)
    most(f"memory of 2 workers, {reference}'s", 1.2, ours[memory] / theirs[memory])
    most("memory of 2 workers", 230, ours[memory], "MB")
    most(f"first 200, {reference}'s", 1.4, ours[boot] / theirs[boot])
    most("first 200", 1.5, ours[boot], "s")
    most("slug without Python", 60, ours["slug without Python (MB)"], "MB")
    return table(["bar", "wanted", "got", "met"], rows)


def yes_no(met):
    return "yes" if met else "no"
