"""What gunicorn is given: its access log, draining, and a worker's start."""

import gc
import io
import logging
import signal
import threading
import time
from datetime import timedelta
from types import SimpleNamespace

import pytest

from dyno import logs, pools, server
from dyno.server import LogfmtLogger

SEVEN = timedelta(milliseconds=7)


@pytest.fixture
def access():
    """Return a function that logs a request, and returns the line."""
    # Without what it sets up for a whole process.
    logger = object.__new__(LogfmtLogger)
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logs.LogfmtFormatter())
    server.access_log.addHandler(handler)

    def log(path="/page", status="200 OK", method="GET", taken=SEVEN, **environ):
        stream.truncate(0)
        stream.seek(0)
        response = SimpleNamespace(status=status, sent=42)
        request = SimpleNamespace(method=method, path=path)
        logs.request_id.set("an id")
        logger.access(response, request, environ, taken)
        assert logs.request_id.get() == "-"  # for what its thread logs next
        return stream.getvalue()

    yield log
    server.access_log.removeHandler(handler)


@pytest.fixture
def level():
    """Return a function that sets the level of the log."""
    yield server.access_log.setLevel
    server.access_log.setLevel(logging.NOTSET)


def test_a_request_is_one_line_without_its_query(access):
    environ = {"dyno.request_id": "an-id", "HTTP_HOST": "a.example.com"}
    environ |= {"dyno.forwarded_for": "192.0.2.1", "HTTP_USER_AGENT": "A b"}
    assert access("/page?token=secret", **environ) == (
        "level=info logger=access request_id=an-id method=GET path=/page "
        "host=a.example.com fwd=192.0.2.1 status=200 service=7ms bytes=42 "
        'user_agent="A b"\n'
    )


def test_a_request_to_the_asgi_worker_is_the_same_line(access):
    environ = {"HTTP_HOST": "a.example.com", "HTTP_X_REQUEST_ID": "an id"}
    taken = SimpleNamespace(seconds=1, microseconds=7_900)  # and no total_seconds()
    assert access("/page", 200, taken=taken, **environ) == (
        'level=info logger=access request_id="an id" method=GET path=/page '
        "host=a.example.com fwd=- status=200 service=1007ms bytes=42 user_agent=-\n"
    )


def test_a_failure_is_an_error(access):
    assert access(status="503 Service Unavailable").startswith("level=error ")
    assert access(status="404 Not Found").startswith("level=info ")


def test_a_request_that_gunicorn_refused_is_logged_too(access):
    line = access(path=None, status=None, method=None)
    assert " path=- " in line and " status=- " in line


@pytest.mark.parametrize("path", ["/up", "/ready?x", "/static/site.css"])
def test_health_checks_and_static_files_are_logged_only_when_they_fail(
    access, level, path
):
    environ = {"dyno.static_file": True} if "static" in path else {}
    assert access(path, **environ) == ""
    assert "status=503" in access(path, "503 Service Unavailable", **environ)
    level(logging.DEBUG)
    assert "status=200" in access(path, **environ)


@pytest.fixture
def stopped(monkeypatch):
    """The moments at which a worker's own handler of SIGTERM was called."""
    moments = []
    kept = signal.getsignal(signal.SIGTERM)
    monkeypatch.setattr(server, "DRAIN_SECONDS", 0.2)
    signal.signal(signal.SIGTERM, lambda *arguments: moments.append(time.monotonic()))
    yield moments
    signal.signal(signal.SIGTERM, kept)


def test_a_worker_stops_once_and_some_seconds_after_sigterm(stopped):
    server.drain_on_sigterm(SimpleNamespace())
    told = time.monotonic()
    signal.raise_signal(signal.SIGTERM)
    signal.raise_signal(signal.SIGTERM)
    assert not stopped
    for thread in threading.enumerate():
        if isinstance(thread, threading.Timer):
            thread.join(10)
    [moment] = stopped
    assert moment - told >= 0.2


@pytest.mark.parametrize("preload_app", [True, False])
def test_a_fork_shares_no_connection_and_no_garbage(monkeypatch, preload_app):
    disconnected = []
    monkeypatch.setattr(pools, "disconnect", lambda: disconnected.append(1))
    cfg = SimpleNamespace(preload_app=preload_app)
    try:
        server.prepare_fork(SimpleNamespace(cfg=cfg), None)
        assert gc.get_freeze_count() > 0
    finally:
        gc.unfreeze()
    assert bool(disconnected) is preload_app  # else no settings are loaded there
