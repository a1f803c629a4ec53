"""What the check says of the Procfile's `web`: would it start, and with what error."""

from pathlib import Path

import pytest

from dyno.checks import procfile

real_gunicorn_problem = procfile.gunicorn_problem

ROOT = Path(__file__).resolve().parents[2]
CONF = """
from dyno import environ
wsgi_app = "app"
worker_class = "gthread"
threads = environ.whole_number("WEB_THREADS", 40)
"""


@pytest.fixture
def web(site, monkeypatch):
    """Return a function that returns what the check says of a `web`, with gunicorn."""
    monkeypatch.setattr(procfile, "gunicorn_problem", real_gunicorn_problem)
    site.file("app.py", "application = print\n")
    site.file("gunicorn.conf.py", CONF)
    site.env(PYTHONPATH=str(ROOT))

    def check(command):
        site.file("Procfile", f"web: {command}\n")
        return "\n".join(problem.msg for problem in procfile.process_types())

    return check


@pytest.mark.parametrize(
    "command",
    [
        "gunicorn nosuch --workers ${WEB_CONCURRENCY:-2}",
        "exec gunicorn app 2>&1",
        "THREADS=1 nosuch",
    ],
)
def test_nothing_is_said_of(web, command):
    assert web(command) == ""


@pytest.mark.parametrize(
    ("command", "cause"),
    [
        ("bin/start-pgbouncer gunicorn nosuch 2>&1", "No module named 'nosuch'"),
        ("gunicorn -k gevent", "RuntimeError: gevent worker requires gevent"),
        ("newrelic-admin run-program gunicorn", "newrelic-admin is not installed."),
    ],
)
def test_the_cause_is_said_of(web, command, cause):
    said = web(command)
    assert said.startswith("The web process does not start: ")
    assert cause in said


def test_a_number_is_told_by_its_name_and_once(web, site):
    site.env(WEB_CONCURRENCY="many")  # gunicorn itself reads it; E040 names it
    assert web("gunicorn -- app") == ""
    site.env(WEB_THREADS="4\u00b2")
    said = web("gunicorn")
    assert "WEB_THREADS is not a whole number. Fix: heroku config" in said
    assert "\u00b2" not in said


def test_a_site_that_takes_too_long_is_ended(web, site, monkeypatch):
    monkeypatch.setattr(procfile, "BOOT_SECONDS", 1)
    site.file("app.py", "import time\ntime.sleep(60)\n")
    assert web("gunicorn").endswith("it takes longer than 1 s")
