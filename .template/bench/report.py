"""Writes what bench.py measured as JSON, as Markdown tables and as an SVG."""

import json
import re
from statistics import median

COLOURS = {
    "ours": "#0969da",
    "startproject": "#bf8700",
    "bare WSGI function": "#8c959f",
}
# Answers with 200 of all that were sent, then their median and longest time.
LIVED_IN = ["case", "", "the others' pages", "`/up`", "the visitors' pages"]
LIVED_IN += ["memory (MB)"]
REFERENCE_COLOUR = "#57606a"


def write(results, path):
    """Write `path`.json, `path`.md and, where there is a plot, `path`.svg.

    Return the tables of performance.md by the names of their places in it.
    """
    path.with_suffix(".json").write_text(json.dumps(results, indent=1) + "\n")
    facts = [f"{name}: {value}" for name, value in results["machine"].items()]
    machine = "; ".join(facts) + f". Command: `{results['command']}`"
    if "growth" in results:
        texts = dict(growth_tables(results["growth"]))
        dynos = [text for what, text in texts.items() if what.startswith("dynos")]
        tables = {"growth": "\n\n".join(dynos)}
        path.with_suffix(".svg").write_text(growth_plot(results["growth"]))
    elif "lived in" in results:
        texts = {"lived in": table(LIVED_IN, results["lived in"])}
        tables = texts
    else:
        texts = {"bars": bars(results), "costs": costs(results)}
        texts["levers"] = levers(results["levers"])
        tables = texts | {"machine": machine}
        texts["p99"] = p99(results)
        texts |= {f"{n} workers": text for n, text in rates(results)}
        path.with_suffix(".svg").write_text(plot(results))
    path.with_suffix(".md").write_text("\n\n".join([machine, *texts.values()]) + "\n")
    return tables


def publish(tables, page):
    """Put each table into its place in a page, between two comments."""
    text = page.read_text()
    for name, found in tables.items():
        place = rf"(<!-- bench: {name} -->\n).*?(\n<!-- end -->)"
        text, count = re.subn(
            place, lambda m, found=found: m[1] + found + m[2], text, flags=re.DOTALL
        )
        if count != 1:
            raise ValueError(f"{page} has {count} places for the table {name!r}")
    page.write_text(text)


def table(head, rows):
    """Return a Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)


def times(mine, other, figure="rate"):
    """Return one contender's median over the rounds, divided by another's."""
    return median(mine[figure]) / median(other[figure])


def rates(results):
    """Yield each number of workers and its table of all cases."""
    for workers, cases in results["rates"].items():
        rows = []
        for case, contenders in cases.items():
            against = contenders.get(results["reference"]) or contenders["ours"]
            for name, figures in contenders.items():
                rate = figures["rate"]
                spread = (max(rate) - min(rate)) / median(rate) / 2
                values = [f"{median(rate):,.0f} ± {spread:.0%}"]
                values += [f"{times(figures, against):.2f}"]
                values += [f"{median(figures[k]):,.1f}" for k in ("cpu_us", "p99_ms")]
                rows.append([case, name, *values])
        head = ["", f"{workers} workers", "requests/s", "×", "CPU µs/request", "p99 ms"]
        yield workers, table(head, rows)


def costs(results):
    """Return the table of what a contender costs beside time for requests."""
    names = list(results["costs"])
    figures = dict.fromkeys(k for cost in results["costs"].values() for k in cost)
    rows = [
        [figure, *(f"{results['costs'][n].get(figure, 0):.4g}" for n in names)]
        for figure in figures
    ]
    return table(["", *names], rows)


def p99(results):
    """Return the table of the home page's p99 at given rates."""
    whose = list(results["costs"])
    rows = [
        [name, *(f"{mine[w]:.1f}" if w in mine else "beyond it" for w in whose)]
        for name, mine in results["p99"].items()
    ]
    head = [f"at 80 % of what {name} serves" for name in whose]
    return table(["home page, p99 in ms", *head], rows)


def levers(cases):
    """Return the table of what is lost without each lever."""
    names = [name for name in next(iter(cases.values())) if name != "ours"]
    rows = [
        [name, *(f"{times(mine[name], mine['ours']):.2f} ×" for mine in cases.values())]
        for name in names
    ]
    return table(["requests a second, of ours, with", *cases], rows)


def bars(results):
    """Return the table of what was asked for, what came out, and whether that holds."""
    cases, reference = results["rates"][1], results["reference"]
    ours, theirs = results["costs"]["ours"], results["costs"][reference]
    rows = []

    def least(text, wanted, got, unit="×"):
        met = "yes" if got >= wanted else "no"
        rows.append([text, f"at least {wanted} {unit}", f"{got:.3g}", met])

    def most(text, wanted, got, unit="×"):
        met = "yes" if got <= wanted else "no"
        rows.append([text, f"at most {wanted} {unit}", f"{got:.3g}", met])

    def ratio(case, other, figure="rate"):
        return times(cases[case]["ours"], cases[case][other], figure)

    def cost(figure):
        return ours[figure] / theirs[figure]

    bare, memory, boot = "bare WSGI function", "memory, 2 workers (MB)", "first 200 (s)"
    for case in ("stylesheet", "image"):
        least(f"{case}, {reference}'s", 1.9, ratio(case, reference))
        least(f"{case}, the bare function's", 0.85, ratio(case, bare))
    least(f"home page, {reference}'s", 1.05, ratio("home page", reference))
    least("`/up`, the bare function's", 0.8, ratio("/up", bare))
    default = "Django's defaults"
    least(f"logged-in page, {default}", 1.5, ratio("logged-in page", default))
    query = "one-query page"
    least(f"{query}, {reference}'s", 0.9, ratio(query, reference))
    most("new connections in steady state", 0, results["new connections"]["new"], "")
    other = results["p99"][reference].get("ours")
    p99 = f"p99 at 80 %, {reference}'s at that rate"
    if other is None:
        rows.append([p99, "lower", f"beyond {reference}", "yes"])
    else:
        most(p99, 1, results["p99"]["ours"]["ours"] / other)
    most(f"memory of 2 workers, {reference}'s", 1.2, cost(memory))
    most("memory of 2 workers", 230, ours[memory], "MB")
    most(f"first 200, {reference}'s", 1.4, cost(boot))
    most("first 200", 1.5, ours[boot], "s")
    most("slug without Python", 60, ours["slug without Python (MB)"], "MB")
    return table(["bar", "wanted", "got", "met"], rows)


def growth_tables(rows):
    """Yield each thing that grew and its table."""
    for what in dict.fromkeys(row["what"] for row in rows):
        mine = [row for row in rows if row["what"] == what]
        head = [key for key in mine[0] if key not in ("what", "size")]
        lines = [[row["size"], *(f"{row[k]:.4g}" for k in head)] for row in mine]
        yield what, table([what, *head], lines)


def plot(results):
    """Return an SVG of the requests a second, as multiples of the reference's."""
    reference, shapes, y = results["reference"], [], 30
    for case, contenders in results["rates"][1].items():
        if reference not in contenders:
            continue
        shapes.append(f'<text x="8" y="{y + 12}" font-weight="bold">{case}</text>')
        for name, figures in contenders.items():
            if name not in {*COLOURS, reference}:
                continue
            factor = times(figures, contenders[reference])
            colour = COLOURS.get(name, REFERENCE_COLOUR)
            shapes.append(
                f'<rect x="160" y="{y}" width="{factor * 110:.0f}" height="14"'
                f' fill="{colour}"/><text x="{factor * 110 + 166:.0f}" y="{y + 12}">'
                f"{factor:.2f} × {name}</text>"
            )
            y += 18
        y += 10
    title = f"Requests a second on one core, as multiples of {reference}"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 720 {y}"'
        ' font-family="system-ui, sans-serif" font-size="12" fill="#57606a">\n'
        f'<text x="8" y="16" font-size="14">{title}</text>\n'
        + "\n".join(shapes)
        + "\n</svg>\n"
    )


def growth_plot(rows):
    """Return an SVG of bars: a row for each thing that grew and each figure."""
    shapes, y = [], 20
    for what in dict.fromkeys(row["what"] for row in rows):
        for figure in ("home (req/s)", "css (req/s)", "memory (MB)"):
            mine = [row for row in rows if row["what"] == what]
            most = max(row[figure] for row in mine)
            shapes.append(f'<text x="8" y="{y}">{what}: {figure}</text>')
            for number, row in enumerate(mine):
                height, x = row[figure] / most * 40, 230 + number * 120
                shapes.append(
                    f'<rect x="{x}" y="{y - height + 20:.0f}" width="30"'
                    f' height="{height:.0f}" fill="{COLOURS["ours"]}"/>'
                    f'<text x="{x + 34}" y="{y + 20}">{row["size"]:,}:'
                    f" {row[figure]:,.0f}</text>"
                )
            y += 56
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 -20 720 {y}"'
        ' font-family="system-ui, sans-serif" font-size="12" fill="#57606a">\n'
        + "\n".join(shapes)
        + "\n</svg>\n"
    )
