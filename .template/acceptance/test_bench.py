"""The benchmark writes performance.md."""

import re
import sys

import heroku

sys.path.append(str(heroku.ROOT / ".template/bench"))
import report  # noqa: E402

PAGE = heroku.ROOT / ".template/performance.md"
TABLES = ["machine", "bars", "costs", "levers", "lived in"]


def test_the_page_has_a_place_for_each_table_and_its_text_stays(tmp_path):
    copy = tmp_path / "performance.md"
    copy.write_text(PAGE.read_text())
    report.publish({name: f"| new \\1 {name} |" for name in TABLES}, copy)
    place = re.compile(r"<!-- bench: ([\w ]+) -->\n(.*?)\n<!-- end -->", re.DOTALL)
    expected = [(name, f"| new \\1 {name} |") for name in TABLES]
    assert place.findall(copy.read_text()) == expected
    assert place.sub("", copy.read_text()) == place.sub("", PAGE.read_text())


def test_each_place_follows_from_the_results(tmp_path):
    """Of figures as a run has them, with two contenders and one round."""
    figures = {"rate": [2.0], "cpu_us": [1.0], "p99_ms": [1.0]}
    names = ["ours", "PGS", "bare WSGI function", "Django's defaults"]
    cases = ["stylesheet", "image", "home page", "/up", "logged-in page"]
    cases.append("one-query page")
    cost = {
        "memory, 2 workers (MB)": 1,
        "first 200 (s)": 1,
        "slug without Python (MB)": 1,
    }
    results = {
        "machine": {"wrk": "4"},
        "reference": "PGS",
        "rates": {case: dict.fromkeys(names, figures) for case in cases},
        "costs": {"ours": cost, "PGS": cost},
        "new connections": 0,
        "levers": {"home page": {"ours": figures, "no compression": figures}},
    }
    lived_in = [["8 s view", "ours", "1 of 1", "1 of 1", "1 of 1", "88"]]
    written = report.write(results, tmp_path / "run")
    written |= report.write({"lived in": lived_in}, tmp_path / "run")
    assert sorted(written) == sorted(TABLES)
    assert "| 8 s view | ours |" in written["lived in"]
