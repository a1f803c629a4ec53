"""The benchmark writes performance.md."""

import re
import sys

import heroku
import pytest

sys.path.append(str(heroku.ROOT / ".template/bench"))
import report  # noqa: E402

PAGE = heroku.ROOT / ".template/performance.md"
TABLES = ["machine", "bars", "costs", "levers", "lived in", "growth"]


def test_the_page_has_a_place_for_each_table_and_its_text_stays(tmp_path):
    copy = tmp_path / "performance.md"
    copy.write_text(PAGE.read_text())
    report.publish({name: f"| new \\1 {name} |" for name in TABLES}, copy)
    place = re.compile(r"<!-- bench: ([\w ]+) -->\n(.*?)\n<!-- end -->", re.DOTALL)
    expected = [(name, f"| new \\1 {name} |") for name in TABLES]
    assert place.findall(copy.read_text()) == expected
    assert place.sub("", copy.read_text()) == place.sub("", PAGE.read_text())


def test_a_table_without_a_place_is_refused(tmp_path):
    copy = tmp_path / "performance.md"
    copy.write_text(PAGE.read_text())
    with pytest.raises(ValueError, match="0 places for the table 'other'"):
        report.publish({"other": "| new |"}, copy)


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
    results = {"machine": {"wrk": "4"}, "command": "run", "reference": "PGS"}
    compared = results | {
        "rates": {1: {case: dict.fromkeys(names, figures) for case in cases}},
        "costs": {"ours": cost, "PGS": cost},
        "new connections": {"new": 0},
        "p99": {"ours": {"ours": 1}, "PGS": {"ours": 1}},
        "levers": {"home page": {"ours": figures, "no compression": figures}},
    }
    grown = dict.fromkeys(["home (req/s)", "css (req/s)", "memory (MB)"], 1)
    growth = [{"what": "dynos, direct", "size": 1} | grown]
    growth.append({"what": "workers", "size": 2} | grown)
    lived_in = [["8 s view", "ours", "1 of 1", "1 of 1", "1 of 1", "88"]]
    written = {}
    for kind in (compared, {"lived in": lived_in}, {"growth": growth}):
        written |= report.write(results | kind, tmp_path / "run")
    assert sorted(written) == sorted(TABLES)
    assert "workers" not in written["growth"]
    assert "| 8 s view | ours |" in written["lived in"]
