"""What gunicorn is given: its access log, draining, and a worker's start."""

import gc
import logging
import signal
import threading
from datetime import timedelta
from types import SimpleNamespace

import pytest

from dyno import logs, pools, server
from dyno.server import LogfmtLogger


@pytest.fixture
def access(caplog):
    """Return a function that logs a request, and returns the line."""
    # Without what it sets up for a whole process.
    logger = object.__new__(LogfmtLogger)
    formatter = logs.LogfmtFormatter()

    def log(path="/page", status="200 OK", method="GET", **environ):
        caplog.clear()
        response = SimpleNamespace(status=status, sent=42)
        request = SimpleNamespace(method=method, path=path)
        taken = timedelta(seconds=1, milliseconds=7)
        logs.request_id.set("an id")
        logger.access(response, request, environ, taken)
        assert logs.request_id.get() == "-"  # for what its thread logs next
        return "".join(formatter.format(record) for record in caplog.records)

    return log


def test_a_request_is_one_line_without_its_query(access):
    environ = {"dyno.request_id": "an-id", "HTTP_HOST": "a.example.com"}
    environ |= {"dyno.forwarded_for": "192.0.2.1", "HTTP_USER_AGENT": "A b"}
    assert access("/page?token=secret", **environ) == (
        "level=info logger=access request_id=an-id method=GET path=/page "
        "host=a.example.com fwd=192.0.2.1 status=200 service=1007ms bytes=42 "
        'user_agent="A b"'
    )


def test_a_request_that_gunicorn_refused_is_logged_too(access):
    line = access(path=None, status=None, method=None)
    assert " path=- " in line and " status=- " in line


@pytest.mark.parametrize(
    "path, environ",
    [("/up", {}), ("/ready?x", {}), ("/its.css", {"dyno.static_file": True})],
)
def test_health_checks_and_static_files_are_logged_only_when_they_fail(
    access, caplog, path, environ
):
    assert access(path, **environ) == ""
    failure = access(path, "503 Service Unavailable", **environ)
    assert failure.startswith("level=error ") and "status=503" in failure
    caplog.set_level(logging.DEBUG, "access")
    assert "status=200" in access(path, **environ)


def test_a_worker_stops_once_and_some_seconds_after_sigterm(monkeypatch):
    stopped = []
    monkeypatch.setattr(server, "DRAIN_SECONDS", 0.2)
    stop = signal.signal(signal.SIGTERM, lambda *arguments: stopped.append(1))
    try:
        server.drain_on_sigterm(SimpleNamespace())
        signal.raise_signal(signal.SIGTERM)
        signal.raise_signal(signal.SIGTERM)
    finally:
        signal.signal(signal.SIGTERM, stop)
    timers = [t for t in threading.enumerate() if isinstance(t, threading.Timer)]
    assert len(timers) == 1 and not stopped
    timers[0].join()
    assert stopped == [1]


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
