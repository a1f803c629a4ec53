"""A request's body arrives whole, or the request gets a 400."""

import io
import socket
import threading
import time

import pytest
from django.core.exceptions import BadRequest
from django.http import HttpResponse
from django.views.decorators.csrf import csrf_exempt
from wsgi_client import get

from dyno import body
from dyno.body import RequestBody, discard

TEXT = b"one\ntwo\nthree"
LONG = b"0123456789" * 5_000


def body_of(data, length=None):
    stream = data if hasattr(data, "read") else io.BytesIO(data)
    length = len(data) if length is None else length
    environ = {"wsgi.input": stream, "CONTENT_LENGTH": str(length)}
    return io.BufferedReader(RequestBody(environ))


WAYS = {
    "read": lambda file: file.read(),
    "read a number": lambda file: file.read(1_000_000),
    "lines": lambda file: b"".join(file.readlines()),
    "line by line": lambda file: b"".join(iter(file.readline, b"")),
    "iteration": lambda file: b"".join(file),
}


@pytest.mark.parametrize("take", WAYS.values(), ids=WAYS)
def test_a_body_can_be_read_like_any_file(take):
    assert take(body_of(TEXT)) == TEXT
    assert take(body_of(b"")) == b""


def test_a_body_of_many_blocks_is_read_whole():
    assert len(LONG) > 5 * body.BLOCK
    assert body_of(LONG).read() == LONG
    assert list(body_of(TEXT)) == TEXT.splitlines(keepends=True)
    file = body_of(TEXT)
    assert (file.read(2), file.readline(), file.read()) == (b"on", b"e\n", TEXT[4:])


def test_what_follows_the_body_is_left_for_the_next_request():
    stream = io.BytesIO(b"bodyGET /")
    assert body_of(stream, 4).read() == b"body"
    assert stream.read() == b"GET /"


@pytest.mark.parametrize("take", WAYS.values(), ids=WAYS)
def test_half_a_body_is_a_bad_request(take):
    with pytest.raises(BadRequest):
        take(body_of(TEXT, 100))


class GoneClient:
    def read(self, size):
        raise ConnectionResetError


def test_a_client_that_has_gone_is_a_bad_request():
    with pytest.raises(BadRequest):
        body_of(GoneClient(), 100).read()


@pytest.fixture
def connection():
    """The two ends of a connection: the client's, and a request's environ."""
    client, server = socket.socketpair()
    server.settimeout(20)  # so that a failing test ends
    with client, server, server.makefile("rb") as stream:
        yield client, {"wsgi.input": stream, "gunicorn.socket": server}


@pytest.fixture
def clients(connection, monkeypatch):
    """The client's end of a connection, and the body that it sends."""
    monkeypatch.setattr(body, "BLOCK", 10)
    client, environ = connection
    yield client, io.BufferedReader(RequestBody(environ | {"CONTENT_LENGTH": "30"}))


def test_a_client_that_is_too_slow_is_a_bad_request(clients, monkeypatch):
    monkeypatch.setattr(body, "PATIENCE_SECONDS", 0.2)
    client, file = clients
    client.sendall(b"0123456789")
    started = time.monotonic()
    with pytest.raises(BadRequest):
        file.read()
    assert time.monotonic() - started < 15


def test_a_client_that_is_slow_but_steady_is_heard_to_the_end(clients, monkeypatch):
    monkeypatch.setattr(body, "PATIENCE_SECONDS", 2)
    client, file = clients

    def send():
        for _ in range(3):
            client.sendall(b"0123456789")
            time.sleep(0.8)

    thread = threading.Thread(target=send)
    thread.start()
    assert file.read() == 3 * b"0123456789"
    thread.join()


def test_a_body_that_nobody_wants_is_read(connection):
    client, environ = connection
    client.sendall(TEXT)
    client.shutdown(socket.SHUT_WR)
    discard(environ | {"CONTENT_LENGTH": str(len(TEXT))}, 20)
    assert environ["wsgi.input"].read() == b""
    assert environ["gunicorn.socket"].send(b"answer") == 6


def test_nothing_is_read_if_there_is_no_body(connection):
    client, environ = connection
    client.sendall(b"GET / HTTP/1.1")
    for length in ({}, {"CONTENT_LENGTH": "0"}, {"CONTENT_LENGTH": ""}):
        discard(environ | length, 20)
    assert environ["wsgi.input"].read(5) == b"GET /"


@pytest.mark.parametrize("sent", [b"", b"a", 1_000 * b"a"])
def test_no_thread_waits_for_a_body_that_nobody_wants(connection, sent):
    client, environ = connection
    client.sendall(sent)
    started = time.monotonic()
    discard(environ | {"CONTENT_LENGTH": "5000"}, 0.2)
    assert time.monotonic() - started < 5
    with pytest.raises(BrokenPipeError):
        client.send(b"more")


@pytest.mark.parametrize(("length", "answer"), [(3, 200), (4, 400), (10**6, 400)])
@pytest.mark.parametrize(
    "take",
    [
        lambda request: request.body,
        lambda request: request.POST["a"],
        lambda request: request.read(),
        lambda request: b"".join(request.readlines()),
        lambda request: b"".join(request),
    ],
    ids=["body", "form", "read", "lines", "iteration"],
)
def test_a_view_never_gets_half_a_body(page, take, length, answer):
    page(csrf_exempt(lambda request: HttpResponse(take(request))))
    status, _, body = get(
        "/page",
        REQUEST_METHOD="POST",
        CONTENT_LENGTH=str(length),
        CONTENT_TYPE="application/x-www-form-urlencoded",
        **{"wsgi.input": io.BytesIO(b"a=b")},
    )
    assert status == answer
    assert answer == 400 or body in (b"a=b", b"b")
