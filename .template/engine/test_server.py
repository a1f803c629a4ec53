"""What gunicorn is given: its log, time-outs of its sockets, and draining."""

import asyncio
import errno
import gc
import io
import logging
import signal
import socket
import threading
import time
from datetime import timedelta
from types import SimpleNamespace

import pytest
from gunicorn.config import Config

from dyno import database, logs, pools, proxies, server
from dyno.server import LogfmtLogger

SEVEN = timedelta(milliseconds=7)


@pytest.fixture
def logger():
    """gunicorn's logger, without what it sets up for a whole process."""
    logger = object.__new__(LogfmtLogger)
    logger.cfg, logger.loglevel = Config(), logging.INFO
    logger.error_log = logging.getLogger("gunicorn.error")
    return logger


@pytest.fixture
def access(logger):
    """Return a function that logs a request, and returns the line."""
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


def test_a_client_cannot_start_a_line_of_its_own(access):
    long = 10_000 * "\x9b"
    forged = {"dyno.forwarded_for": long, "HTTP_HOST": "b\r\n" + long}
    forged |= {"HTTP_USER_AGENT": "a\nlevel=error" + long, "HTTP_X_REQUEST_ID": long}
    line = access(long, **forged)
    assert line.count("\n") == 1 and len(line.encode()) < 10_000


@pytest.mark.parametrize("path", ["/up", "/ready?x", "/static/site.css"])
def test_health_checks_and_static_files_are_logged_only_when_they_fail(
    access, level, path
):
    environ = {"dyno.static_file": True} if "static" in path else {}
    assert access(path, **environ) == ""
    assert "status=503" in access(path, "503 Service Unavailable", **environ)
    level(logging.DEBUG)
    assert "status=200" in access(path, **environ)


def test_a_higher_level_leaves_all_but_failures_out(access, level):
    level(logging.WARNING)
    assert access() == ""
    assert "status=500" in access(status="500 Error")


def test_what_a_client_sent_is_not_in_the_warning_of_a_refused_request(logger, caplog):
    try:
        raise ValueError("token=secret")
    except ValueError as error:
        logger.warning(f"Invalid request from ip=192.0.2.1: {error}")
    assert caplog.messages == ["Invalid request from ip=192.0.2.1: ValueError"]


@pytest.mark.parametrize("number", [errno.EAGAIN, errno.ETIMEDOUT])
def test_a_client_that_falls_silent_is_no_error(logger, caplog, number):
    caplog.set_level(logging.INFO)
    try:
        raise OSError(number, "silent")
    except OSError:
        logger.exception("Socket error processing request.")
    [record] = caplog.records
    assert record.levelname == "INFO" and "silent" in record.getMessage()


def test_an_address_with_secrets_is_not_in_the_error_of_a_request(logger, caplog):
    try:
        raise RuntimeError("it broke")
    except RuntimeError:
        logger.exception("Error handling request %s", "/page?token=sw0rdfish")
    assert "sw0rdfish" not in caplog.text and "it broke" in caplog.text


def set_time_outs(listener):
    """Do what gunicorn's hook does with its one listener."""
    listeners = [SimpleNamespace(sock=listener)]
    server.set_time_outs(SimpleNamespace(LISTENERS=listeners))


def test_accepted_connections_have_time_outs(monkeypatch):
    monkeypatch.setattr(server, "RECEIVE_SECONDS", 1)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        set_time_outs(listener)
        with socket.create_connection(listener.getsockname()) as client:
            accepted, _ = listener.accept()
            with accepted:
                accepted.settimeout(None)
                with pytest.raises(BlockingIOError):
                    accepted.recv(1)
                assert client
                if hasattr(socket, "TCP_USER_TIMEOUT"):
                    option = socket.TCP_USER_TIMEOUT
                    limit = accepted.getsockopt(socket.IPPROTO_TCP, option)
                    assert limit == 1000 * server.SEND_SECONDS


def test_a_unix_socket_has_a_time_out_too(tmp_path):
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "socket"))
        set_time_outs(listener)


@pytest.fixture
def stopped(monkeypatch):
    """The moments at which a worker's own handler of SIGTERM was called."""
    moments, kept = [], signal.getsignal(signal.SIGTERM)
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


def test_an_asgi_worker_stops_some_seconds_after_sigterm(stopped):
    loop = asyncio.new_event_loop()
    worker = SimpleNamespace(loop=loop, handle_exit_signal=loop.stop)
    loop.add_signal_handler(signal.SIGTERM, loop.stop)  # as the worker has it
    server.drain_on_sigterm(worker)
    told = time.monotonic()
    loop.call_soon(signal.raise_signal, signal.SIGTERM)
    loop.run_forever()
    loop.close()
    assert time.monotonic() - told >= 0.2


@pytest.fixture
def start(stopped, trust, use_databases):
    """Return a function that prepares a worker, the first or a later one."""
    use_databases(default=database.parse("postgres://u:p@db.example.com/name"))
    cfg = SimpleNamespace(workers=2, threads=40, forwarded_allow_ips=["*"])
    log = logging.getLogger("gunicorn.error")

    def prepare(age):
        server.prepare_worker(SimpleNamespace(cfg=cfg, age=age, log=log))

    return prepare


def test_a_worker_trusts_gunicorns_proxies(start):
    start(age=2)
    assert {str(network) for network in proxies.trusted} == {"0.0.0.0/0", "::/0"}


def test_a_worker_has_a_pool_of_connections(start):
    start(age=2)
    assert "pool" in database.connections["default"].settings_dict["OPTIONS"]


def test_the_first_worker_logs_what_the_dyno_takes(start, caplog, monkeypatch):
    monkeypatch.setenv("DATABASE_POOL_SIZE", "6")
    caplog.set_level(logging.INFO)
    for age in (1, 2, 3):
        start(age)
    [line] = caplog.messages
    assert "2 workers x 6 (DATABASE_POOL_SIZE) x 1 databases" in line
    assert " = 12 database connections at most," in line
    assert " 24 while a release replaces another; 40 threads a worker" in line


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
