"""What the front door does with odd lines, hosts and bodies, byte by byte."""

import re
import socket

import pytest
from client import HOST
from wire import (
    COOKIE,
    FORM,
    NEXT,
    POST,
    REFERER,
    TOKEN,
    log_after,
    request,
    statuses,
    talk,
)

CHUNKED = "Transfer-Encoding: chunked"
HELLO = "5\r\nhello\r\n0\r\n\r\n"
SMUGGLED = request("GET /smuggled HTTP/1.1").decode()


@pytest.fixture(scope="module")
def stylesheet(dyno):
    """The path of the stylesheet."""
    page = talk(dyno, request("GET / HTTP/1.1", "Connection: close"))
    return re.search(rb'"(/static/site\.\w+\.css)"', page)[1].decode()


@pytest.mark.parametrize(
    "sent",
    [
        request("GET / HTTP/1.1", "SCRIPT_NAME: /x"),
        request("GET / HTTP/1.1", "PATH_INFO: /no-such-page"),
        request("GET / HTTP/1.1", "X-Forwarded-Ssl: off"),
        request("GET / HTTP/1.1", "X-Forwarded-Host: evil.example.com"),
        request("GET / HTTP/1.1", "X_Forwarded_Proto: http"),
        request("GET / HTTP/1.1", "Cookie: \xff=\xfe; ;; __Host-sessionid=%00"),
        request("GET / HTTP/1.1", host=f"{HOST.upper()}:443"),
        request("GET / HTTP/1.1", scheme="https,http"),
    ],
)
def test_these_change_nothing(dyno, sent):
    assert statuses(dyno, sent) == [200, 200]


@pytest.mark.parametrize("scheme", [None, "http,https"])
def test_what_the_router_does_not_call_https_is_sent_there(dyno, scheme):
    headers = ("X-Forwarded-Ssl: on", "Front-End-Https: on")
    sent = request("GET /a?b=c HTTP/1.1", *headers, scheme=scheme)
    answer = talk(dyno, sent + NEXT)
    assert answer.startswith(b"HTTP/1.1 301 ")
    assert f"\r\nLocation: https://{HOST}/a?b=c\r\n".encode() in answer


def test_off_a_proxy_nobody_is_believed_that_it_is_https(pushed):
    with pushed.dyno(FORWARDED_ALLOW_IPS="192.0.2.1") as dyno:
        assert statuses(dyno, request("GET / HTTP/1.1")) == [301, 200]


@pytest.mark.parametrize("size, status", [(8190, 200), (8191, 414)])
def test_a_request_line_may_have_the_routers_8_kb(dyno, size, status):
    line = "GET /?".ljust(size - len(" HTTP/1.1"), "a") + " HTTP/1.1"
    assert statuses(dyno, request(line))[0] == status


@pytest.mark.parametrize(
    "host", [None, "evil.example.com", "evilherokuapp.com", "a..b"]
)
@pytest.mark.parametrize("scheme", ["https", "http"])
def test_a_host_that_is_not_ours_or_is_missing_gets_400(dyno, host, scheme):
    sent = request("GET / HTTP/1.1", host=host, scheme=scheme)
    assert statuses(dyno, sent) == [400, 200]


def test_up_and_static_files_are_the_same_under_every_host(dyno, stylesheet):
    for path in ("/up", stylesheet):
        sent = request(f"GET {path} HTTP/1.1", host=None)
        assert statuses(dyno, sent) == [200, 200]


@pytest.mark.parametrize(
    "body",
    [
        HELLO,
        f"{len(SMUGGLED):x}\r\n{SMUGGLED}\r\n0\r\n\r\n",
        f"zz\r\n{SMUGGLED}",
        f"1\r\nxx\r\n{SMUGGLED}",
    ],
)
@pytest.mark.parametrize("line", [POST, "GET / HTTP/1.1"])
def test_a_chunked_body_gets_a_411_and_nothing_in_it_is_a_request(dyno, line, body):
    """gunicorn reads such a body to its end, or closes the connection."""
    before = len(dyno.log)
    first, *others = statuses(dyno, request(line, CHUNKED, body=body))
    assert first == 411
    assert others in ([], [200], [400])
    assert statuses(dyno, request("GET /marked HTTP/1.1")) == [404, 200]
    assert "/smuggled" not in log_after(dyno, "path=/marked")[before:]


@pytest.mark.parametrize(
    "length, status",
    [(10 * 1024**2 + 1, 413), (10**29, 413), ("9" * 5000, 400), ("+3", 400), ("", 400)],
)
def test_a_body_over_the_limit_gets_413_and_a_wrong_length_400(dyno, length, status):
    sent = request(POST, f"Content-Length: {length}", body="a=b")
    assert statuses(dyno, sent, then=b"") == [status]


def test_a_client_that_sends_too_much_all_the_same_can_read_its_413(dyno):
    body = 11_000_000 * "a"
    sent = request(POST, f"Content-Length: {len(body)}", body=body)
    assert statuses(dyno, sent)[0] == 413


@pytest.mark.parametrize("ends", [True, False], ids=["hung up", "silent"])
def test_half_a_form_gets_400(dyno, ends):
    headers = [COOKIE, REFERER, f"Content-Type: {FORM}", "Content-Length: 999"]
    sent = request(POST, *headers, body=f"csrfmiddlewaretoken={TOKEN}&username=half")
    with socket.create_connection(("127.0.0.1", dyno.port), 30) as client:
        client.sendall(sent)
        if ends:
            client.shutdown(socket.SHUT_WR)
        assert client.recv(99).startswith(b"HTTP/1.1 400 ")


@pytest.mark.parametrize(
    "sent",
    [
        request(POST, "Content-Length: 5", CHUNKED, body=HELLO),
        request(POST, "Content-Length: 3", "Content-Length: 3", body="a=b"),
        request(POST, "Transfer-Encoding : chunked", body=HELLO),
        request(POST, "Transfer-Encoding:\r\n chunked", body=HELLO),
        request("POST / HTTP/1.0", CHUNKED, body=HELLO),
        request("GET / HTTP/1.1", "X: y\r\n z"),
        request("GET / HTTP/1.1", "X: y\nZ: a"),
        request("GET / HTTP/1.1", "X: y\0"),
        request("GET / HTTP/1.1", "Host: evil.example.com"),
        request("GET / HTTP/1.1", "X-Forwarded-Proto: http"),
        f"GET / HTTP/1.1\nHost: {HOST}\r\n\r\n".encode(),
    ],
)
def test_what_two_servers_may_read_in_two_ways_gets_400_and_an_end(dyno, sent):
    assert statuses(dyno, sent) == [400]


def test_nothing_of_all_this_was_a_500(dyno):
    assert "status=5" not in dyno.log
    assert "level=error" not in dyno.log
