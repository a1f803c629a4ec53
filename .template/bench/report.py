"""Writes what bench.py measured as JSON, as Markdown tables and as an SVG."""

import json
from statistics import median

COLOURS = {
    "ours": "#0969da",
    "startproject": "#bf8700",
    "bare WSGI function": "#8c959f",
}
REFERENCE_COLOUR = "#57606a"


def write(results, path):
    """Write `path`.json, `path`.md and, of a comparison, `path`.svg; return `path`."""
    path.with_suffix(".json").write_text(json.dumps(results, indent=1) + "\n")
    facts = [f"{name}: {value}" for name, value in results["machine"].items()]
    parts = ["; ".join(facts) + f". Command: `{results['command']}`"]
    if "growth" in results:
        parts += growth_tables(results["growth"])
        path.with_suffix(".svg").write_text(growth_plot(results["growth"]))
    else:
        parts += [bars(results), *map(rates(results), results["rates"])]
        parts += [costs(results), p99(results)]
        path.with_suffix(".svg").write_text(plot(results))
    path.with_suffix(".md").write_text("\n\n".join(parts) + "\n")
    return path


def table(head, rows):
    """Return a Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)


def times(mine, other, figure="rate"):
    """Return the median over the rounds of one contender's figure by another's."""
    pairs = zip(mine[figure], other[figure], strict=True)
    return median(a / b for a, b in pairs)


def rates(results):
    """Return what makes a table of all cases for a number of workers."""

    def make(workers):
        rows = []
        for case, contenders in results["rates"][workers].items():
            against = contenders.get(results["reference"]) or contenders["ours"]
            for name, figures in contenders.items():
                rate = figures["rate"]
                spread = (max(rate) - min(rate)) / median(rate) / 2
                values = [f"{median(rate):,.0f} ± {spread:.0%}"]
                values += [f"{times(figures, against):.2f}"]
                values += [f"{median(figures[k]):,.1f}" for k in ("cpu_us", "p99_ms")]
                rows.append([case, name, *values])
        head = ["", f"{workers} workers", "requests/s", "×", "CPU µs/request", "p99 ms"]
        return table(head, rows)

    return make


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


def bars(results):
    """Return the table of what was asked for, what came out, and whether that holds."""
    cases, reference = results["rates"][1], results["reference"]
    ours, theirs = results["costs"]["ours"], results["costs"][reference]
    rows = []

    def bar(text, got, wanted, unit="×", more=True):
        met = got >= wanted if more else got <= wanted
        least = "at least" if more else "at most"
        rows.append(
            [text, f"{least} {wanted:.3g} {unit}", f"{got:.3g}", "yes" if met else "no"]
        )

    def ratio(case, other, figure="rate"):
        return times(cases[case]["ours"], cases[case][other], figure)

    for case in ("stylesheet", "image"):
        bar(f"{case}, {reference}'s", ratio(case, reference), 2.8)
        bar(f"{case}, the bare function's", ratio(case, "bare WSGI function"), 0.9)
    bar(f"home page, {reference}'s", ratio("home page", reference), 1.25)
    took = ratio("home page", "no middleware", "cpu_us")
    bar("home page, time of no middleware", took, 1.25, more=False)
    bar("`/up`, the bare function's", ratio("/up", "bare WSGI function"), 0.8)
    bar(
        "logged-in page, Django's defaults",
        ratio("logged-in page", "Django's defaults"),
        1.5,
    )
    bar("one-query page, kept for ever", ratio("one-query page", "kept for ever"), 1.0)
    bar(
        "new connections in steady state",
        results["new connections"]["new"],
        0,
        "",
        False,
    )
    mine, other = results["p99"]["ours"]["ours"], results["p99"][reference]
    if "ours" in other:
        bar(
            f"p99 at 80 %, {reference}'s at that rate",
            mine / other["ours"],
            1,
            more=False,
        )
    memory = "memory, 2 workers (MB)"
    bar(
        f"memory of 2 workers, {reference}'s",
        ours[memory] / theirs[memory],
        1,
        more=False,
    )
    bar("memory of 2 workers", ours[memory], 0.45 * 512, "MB", False)
    boot = "first 200 (s)"
    bar(f"first 200, {reference}'s", ours[boot] / theirs[boot], 1.1, more=False)
    bar("first 200", ours[boot], 1.5, "s", False)
    bar("slug without Python", ours["slug without Python (MB)"], 60, "MB", False)
    return table(["bar", "wanted", "got", "met"], rows)


def growth_tables(rows):
    """Return a table for each thing that grew."""
    for what in dict.fromkeys(row["what"] for row in rows):
        mine = [row for row in rows if row["what"] == what]
        head = [key for key in mine[0] if key not in ("what", "size")]
        lines = [[row["size"], *(f"{row[k]:.4g}" for k in head)] for row in mine]
        yield table([what, *head], lines)


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
