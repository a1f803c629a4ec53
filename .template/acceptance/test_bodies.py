"""Bodies that are chunked, too large, cut off, or read by two servers in two ways."""

import socket

import pytest
from client import HOST
from wire import COOKIE, FORM, POST, REFERER, TOKEN, log_after, request, statuses

CHUNKED = "Transfer-Encoding: chunked"
HELLO = "5\r\nhello\r\n0\r\n\r\n"


@pytest.mark.parametrize(
    "body",
    [HELLO, "0\r\n\r\n", f"186a0\r\n{100_000 * 'x'}\r\n0\r\n\r\n", "zz\r\nhello\r\n"],
)
@pytest.mark.parametrize("line", [POST, "POST / HTTP/1.1", "GET / HTTP/1.1"])
def test_a_chunked_body_gets_a_411_and_the_connection_ends_or_goes_on(dyno, line, body):
    first, *others = statuses(dyno, request(line, CHUNKED, body=body))
    assert first == 411 and others in ([], [200], [400])


SMUGGLED = request("GET /smuggled HTTP/1.1").decode()


@pytest.mark.parametrize(
    "body",
    [
        f"{len(SMUGGLED):x}\r\n{SMUGGLED}\r\n0\r\n\r\n",
        f"{len(SMUGGLED) + 9999:x}\r\n{9999 * 'x'}{SMUGGLED}\r\n0\r\n\r\n",
        f"{len(SMUGGLED):x};a=b\r\n{SMUGGLED}\r\n0\r\nX: y\r\n\r\n",
        f"zz\r\n{SMUGGLED}",
        f"1\r\nxx\r\n{SMUGGLED}",
        f"-1\r\n{SMUGGLED}",
        f"3\n{SMUGGLED}",
        f"\r\n{SMUGGLED}",
    ],
)
def test_what_follows_a_refused_chunked_body_is_not_taken_from_it(dyno, body):
    """gunicorn reads such a body to its end, or closes the connection."""
    before = len(dyno.log)
    first, *others = statuses(dyno, request(POST, CHUNKED, body=body))
    assert first == 411 and others in ([], [200], [400])
    assert statuses(dyno, request("GET /marked HTTP/1.1")) == [404, 200]
    assert "/smuggled" not in log_after(dyno, "path=/marked")[before:]


@pytest.mark.parametrize(
    "length, status",
    [(10 * 1024**2 + 1, 413), (10**29, 413), ("9" * 5000, 400)]
    + [
        (length, 400) for length in ("+3", "-3", "3,3", "0x3", "3_0", "", "\xb2", "1e1")
    ],
)
def test_a_body_over_the_limit_gets_413_and_a_wrong_length_400(dyno, length, status):
    sent = request(POST, f"Content-Length: {length}", body="a=b")
    assert statuses(dyno, sent, then=b"") == [status]


@pytest.mark.parametrize("ends", [True, False], ids=["hung up", "silent"])
def test_half_a_form_gets_400(dyno, ends):
    headers = [COOKIE, REFERER, f"Content-Type: {FORM}", "Content-Length: 999"]
    sent = request(POST, *headers, body=f"csrfmiddlewaretoken={TOKEN}&username=half")
    with socket.create_connection(("127.0.0.1", dyno.port), 30) as client:
        client.sendall(sent)
        if ends:
            client.shutdown(socket.SHUT_WR)
        assert client.recv(99).startswith(b"HTTP/1.1 400 ")


def test_a_client_that_sends_too_much_all_the_same_can_read_its_413(dyno):
    body = 11_000_000 * "a"
    sent = request(POST, f"Content-Length: {len(body)}", body=body)
    assert statuses(dyno, sent)[0] == 413


@pytest.mark.parametrize(
    "sent",
    [
        request(POST, "Content-Length: 5", CHUNKED, body=HELLO),
        request(POST, CHUNKED, "Content-Length: 5", body=HELLO),
        request(POST, "Content-Length: 3", "Content-Length: 3", body="a=b"),
        request(POST, "Content-Length: 3", "Content-Length: 4", body="a=b"),
        request(POST, f"{CHUNKED}, identity", body=HELLO),
        request(POST, f"{CHUNKED}, chunked", body=HELLO),
        request(POST, CHUNKED, "Transfer-Encoding: identity", body=HELLO),
        request(POST, "Transfer-Encoding: gzip", body=HELLO),
        request(POST, "Transfer-Encoding : chunked", body=HELLO),
        request(POST, "Transfer-Encoding: \x0bchunked", body=HELLO),
        request(POST, "Transfer-Encoding:\r\n chunked", body=HELLO),
        request("POST / HTTP/1.0", CHUNKED, body=HELLO),
        request("GET / HTTP/1.1", "X: y\r\n z"),
        request("GET / HTTP/1.1", "X: y\nZ: a"),
        request("GET / HTTP/1.1", "X: y\rZ: a"),
        request("GET / HTTP/1.1", "X: y\0"),
        request("GET / HTTP/1.1", "X"),
        f"GET / HTTP/1.1\nHost: {HOST}\r\n\r\n".encode(),
        f"GET / HTTP/1.1\r\nHost: {HOST}\nX-Forwarded-Proto: https\r\n\r\n".encode(),
        b"\n" + request("GET / HTTP/1.1"),
        request("GET /\0 HTTP/1.1"),
        request("GET /\xff HTTP/1.1"),
        request("GET /a b HTTP/1.1"),
        request("GET / HTTP/2.0"),
        request("GET / HTTP/0.9"),
        request("get / HTTP/1.1"),
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n" + request("GET / HTTP/1.1"),
        request("GET / HTTP/1.1", "X-Forwarded-Proto: http"),
    ],
)
def test_what_two_servers_may_read_in_two_ways_gets_400_and_an_end(dyno, sent):
    assert statuses(dyno, sent) == [400]


@pytest.mark.parametrize("coding", ["xchunked", "chunked;q=1", "chunked,", ""])
def test_an_unknown_transfer_coding_gets_501_and_an_end(dyno, coding):
    sent = request(POST, f"Transfer-Encoding: {coding}", body=HELLO)
    assert statuses(dyno, sent) == [501]


def test_nothing_of_all_this_was_a_500(dyno):
    assert "status=5" not in dyno.log.replace("status=501", "")
    assert "level=error" not in dyno.log
