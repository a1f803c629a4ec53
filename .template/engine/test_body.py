"""A request's body arrives whole, or the request gets a 400."""

import io
import socket
import struct

import pytest
from django.core.exceptions import BadRequest
from django.http import HttpResponse
from django.views.decorators.csrf import csrf_exempt
from gunicorn.http.body import Body, LengthReader
from gunicorn.http.unreader import SocketUnreader
from wsgi_client import get

from dyno.wsgi import WholeBody

TEXT = b"one\ntwo\nthree"


def body_of(stream, length):
    """Return the body of a request as Django gets it."""
    return io.BufferedReader(WholeBody(stream, length))


def test_a_body_can_be_read_in_pieces_like_any_file():
    file = body_of(io.BytesIO(TEXT), len(TEXT))
    assert (file.read(2), file.readline(), next(file)) == (b"on", b"e\n", b"two\n")
    assert (file.read(), file.read()) == (b"three", b"")
    assert body_of(io.BytesIO(), 0).read() == b""


def test_a_body_of_many_blocks_is_read_whole():
    long = TEXT * 100_000
    assert len(long) > 5 * io.DEFAULT_BUFFER_SIZE
    assert body_of(io.BytesIO(long), len(long)).read() == long


def test_what_follows_the_body_is_left_for_the_next_request():
    stream = io.BytesIO(b"bodyGET /")
    assert body_of(stream, 4).read() == b"body"
    assert stream.read() == b"GET /"


@pytest.fixture
def connection():
    """The two ends of a connection: the client's, and a body of 20 bytes, by gunicorn.

    As server.set_time_outs does, the server's end does not wait for ever.
    """
    client, server = socket.socketpair()
    server.setsockopt(
        socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", 0, 10**5)
    )
    with client, server:
        yield client, body_of(Body(LengthReader(SocketUnreader(server), 20)), 20)


WAYS = {
    "read": lambda file: file.read(),
    "line by line": lambda file: [*file],
}


@pytest.mark.parametrize("take", WAYS.values(), ids=WAYS)
def test_half_a_body_is_a_bad_request(connection, take):
    client, file = connection
    client.sendall(TEXT)
    client.close()
    with pytest.raises(BadRequest, match="ended before"):
        take(file)


def test_a_client_that_falls_silent_within_a_body_makes_a_bad_request(connection):
    client, file = connection
    client.sendall(TEXT)
    with pytest.raises(BadRequest, match="silent"):
        file.read()


TAKE = {
    "body": lambda request: request.body,
    "form": lambda request: request.POST["a"],
    "lines": lambda request: b"".join(request),
}


@pytest.mark.parametrize(("length", "answer"), [(3, 200), (4, 400)])
@pytest.mark.parametrize("take", TAKE.values(), ids=TAKE)
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
