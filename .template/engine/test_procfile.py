"""What the check says of the Procfile's `web`: would it start, and with what error."""

import socket
import time
from contextlib import suppress
from pathlib import Path

import pytest

from dyno.checks import procfile

real_gunicorn_problem = procfile.gunicorn_problem

CONF = "gunicorn.conf.py"
ROOT = Path(__file__).resolve().parent.parent.parent


@pytest.fixture
def web(site, monkeypatch):
    """Return a function that returns what the check says of a `web`, with gunicorn."""
    monkeypatch.setattr(procfile, "gunicorn_problem", real_gunicorn_problem)
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    site.file("app.py", "application = print\n")
    conf = f"bind = '127.0.0.1:{port}'\nwsgi_app = 'app'\nworker_class = 'gthread'\n"
    site.file(CONF, conf)
    site.port = port

    def check(command):
        site.file("Procfile", f"web: {command}\n")
        return "\n".join(problem.msg for problem in procfile.process_types())

    return check


@pytest.mark.parametrize(
    "command",
    [
        "gunicorn",
        "gunicorn --workers ${WEB_CONCURRENCY:-2}",
        "gunicorn nosuch 2>&1 | tee log",
        "gunicorn app 2>&1",
        "exec gunicorn app",
        "env THREADS=1 gunicorn app",
        "THREADS=1 nosuch",
        "cd src && nosuch",
        "bin/start-pgbouncer gunicorn",
        "gunicorn --access-logformat 'unfinished",
    ],
)
def test_nothing_is_said_of(web, command):
    assert web(command) == ""


@pytest.mark.parametrize(
    ("command", "cause"),
    [
        ("gunicorn --nosuch", "gunicorn: error: unrecognized arguments: --nosuch"),
        ("gunicorn nosuch.wsgi", "ModuleNotFoundError: No module named 'nosuch'"),
        ("gunicorn nosuch.wsgi 2>&1", "ModuleNotFoundError: No module named 'nosuch'"),
        ("bin/start-pgbouncer gunicorn nosuch", "No module named 'nosuch'"),
        ("gunicorn -k gevent", "RuntimeError: gevent worker requires gevent"),
        ("newrelic-admin run-program gunicorn", "newrelic-admin is not installed."),
    ],
)
def test_the_cause_is_said_of(web, command, cause):
    said = web(command)
    assert said.startswith("The web process does not start: ")
    assert cause in said


def test_a_gunicorn_conf_that_cannot_be_run_is_told(web, site):
    site.file(CONF, "workers = 1 / 0")
    assert "ZeroDivisionError: division by zero" in web("gunicorn")


def test_a_number_that_gunicorn_itself_reads_is_left_to_the_check_that_names_it(
    web, site
):
    site.env(WEB_CONCURRENCY="many")
    assert web("gunicorn") == ""


def test_a_number_that_gunicorn_conf_reads_is_told_by_its_name(web, site):
    conf = (site.root / CONF).read_text()
    conf += "from dyno import environ\nenviron.whole_number('WEB_THREADS', 40)\n"
    site.file(CONF, conf)
    site.env(WEB_THREADS="sw0rdfish", PYTHONPATH=str(ROOT))
    said = web("gunicorn")
    assert "WEB_THREADS is not a whole number. Fix: heroku config" in said
    assert "sw0rdfish" not in said


def test_gunicorns_arguments_may_stand_in_a_config_var(web, site):
    site.env(GUNICORN_CMD_ARGS="--nosuch")
    assert "unrecognized arguments: --nosuch" in web("gunicorn")


def servers(site):
    """Return the processes of the check that still run in this site's folder."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it has ended meanwhile, or is another user's
            words = (process / "cmdline").read_text(errors="replace")
            here = (process / "cwd").readlink() == site.root
            if here and "WSGIApplication" in words:
                found.append(words)
    return found


@pytest.mark.parametrize(
    "command",
    [
        "gunicorn 2>&1",
        "gunicorn -- app",
        "gunicorn --daemon app",
    ],
)
def test_no_server_outlives_the_check(web, site, command):
    assert web(command) == ""
    time.sleep(0.5)
    assert not servers(site)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", site.port), 1)


def test_a_site_that_takes_too_long_is_ended(web, site, monkeypatch):
    monkeypatch.setattr(procfile, "BOOT_SECONDS", 1)
    site.file("app.py", "import time\ntime.sleep(60)\n")
    assert web("gunicorn").endswith("it takes longer than 1 s")
    assert not servers(site)
