"""What the check says of the Procfile's `web`: would it start, and with what error."""

import socket
import time
from contextlib import suppress
from pathlib import Path

import pytest

from dyno.checks import procfile

real_gunicorn_problem = procfile.gunicorn_problem

CONF = "gunicorn.conf.py"


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
        "gunicorn app -k sync",
        "gunicorn --workers ${WEB_CONCURRENCY:-2}",
        "gunicorn nosuch 2>&1 | tee log",
        "gunicorn app 2>&1",
        "gunicorn app > log 2>&1",
        "exec gunicorn app",
        "env THREADS=1 gunicorn app",
        "THREADS=1 nosuch",
        "cd src && nosuch",
        "bin/start-pgbouncer gunicorn",
        "bin/start-nginx nosuch",
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
        ("gunicorn --worker-class=eventlet", "eventlet"),
        ("gunicorn -k nosuch", "nosuch"),
        ("daphne shop.asgi:application", "daphne is not installed."),
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


@pytest.mark.parametrize("name", ["WEB_CONCURRENCY", "WEB_THREADS"])
def test_a_number_that_is_none_is_left_to_the_check_that_names_it(web, site, name):
    conf = (site.root / CONF).read_text()
    conf += "import os\nthreads = int(os.environ.get('WEB_THREADS') or 40)\n"
    site.file(CONF, conf)
    site.env(**{name: "many"})
    assert web("gunicorn") == ""


def test_gunicorns_arguments_may_stand_in_a_config_var(web, site):
    site.env(GUNICORN_CMD_ARGS="--nosuch")
    assert "unrecognized arguments: --nosuch" in web("gunicorn")


def servers():
    """Return the processes of the check that still run."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):  # it has ended meanwhile
            words = path.read_text(errors="replace")
            if "WSGIApplication" in words and "--check-config" in words:
                found.append(words)
    return found


@pytest.mark.parametrize(
    "command",
    [
        "gunicorn",
        "gunicorn 2>&1",
        "gunicorn -- app",
        "gunicorn app & sleep 1",
        "gunicorn --daemon app",
    ],
)
def test_no_server_outlives_the_check(web, site, command):
    assert web(command) == ""
    time.sleep(0.5)
    assert not servers()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", site.port), 1)


def test_a_site_that_takes_too_long_is_ended(web, site, monkeypatch):
    monkeypatch.setattr(procfile, "BOOT_SECONDS", 1)
    site.file("app.py", "import time\ntime.sleep(60)\n")
    assert web("gunicorn").endswith("it takes longer than 1 s")
    assert not servers()
