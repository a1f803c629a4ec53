"""What the front door does with odd lines, hosts, bodies and clients, byte by byte."""

import contextlib
import re
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from client import HOST
from parts import children
from wire import (
    COOKIE,
    FORM,
    NEXT,
    POST,
    REFERER,
    TOKEN,
    is_ours,
    request,
    statuses,
    talk,
)

CHUNKED = "Transfer-Encoding: chunked"
HELLO = "5\r\nhello\r\n0\r\n\r\n"
MULTIPART = "multipart/form-data; boundary=end"


def test_these_headers_change_nothing(dyno):
    headers = ["SCRIPT_NAME: /x", "PATH_INFO: /no-such-page", "X-Forwarded-Ssl: off"]
    headers.append("X-Forwarded-Host: evil.example.com")
    assert statuses(dyno, request("GET / HTTP/1.1", *headers)) == [200, 200]


def test_what_the_router_does_not_call_https_is_sent_there(dyno):
    headers = ("X-Forwarded-Ssl: on", "Front-End-Https: on")
    line = "GET /static/site.css?b=c HTTP/1.1"
    answer = talk(dyno, request(line, *headers, scheme=None) + NEXT)
    assert answer.startswith(b"HTTP/1.1 301 ")
    assert f"\r\nLocation: https://{HOST}/static/site.css?b=c\r\n".encode() in answer


@pytest.mark.parametrize("named, status", [("127.0.0.0/24", 200), ("192.0.2.1", 301)])
def test_only_a_named_proxy_may_say_that_it_is_https(pushed, named, status):
    with pushed.dyno(FORWARDED_ALLOW_IPS=named) as dyno:
        assert statuses(dyno, request("GET / HTTP/1.1")) == [status, 200]


@pytest.mark.parametrize("size, status", [(8190, 200), (8191, 414)])
def test_a_request_line_may_have_the_routers_8_kb(dyno, size, status):
    line = "GET /?".ljust(size - len(" HTTP/1.1"), "a") + " HTTP/1.1"
    assert statuses(dyno, request(line))[0] == status


@pytest.mark.parametrize("host", [None, "evil.example.com", "evilherokuapp.com"])
def test_a_host_that_is_not_ours_or_is_missing_gets_400(dyno, host):
    answer = talk(dyno, request("GET / HTTP/1.1", "Connection: close", host=host))
    assert answer.startswith(b"HTTP/1.1 400 ")
    is_ours(answer)


def test_an_address_that_is_too_long_for_a_redirect_gets_400(dyno):
    quotes = 7_000 * '"'
    sent = request(f"GET /?{quotes} HTTP/1.1", scheme="http")
    assert statuses(dyno, sent) == [400, 200]


def test_up_and_static_files_are_the_same_under_every_host(dyno):
    page = talk(dyno, request("GET / HTTP/1.1", "Connection: close"))
    stylesheet = re.search(rb"/static/site\.\w+\.css", page)[0].decode()
    for path in ("/up", stylesheet):
        sent = request(f"GET {path} HTTP/1.1", host=None)
        assert statuses(dyno, sent) == [200, 200]
    answer = talk(dyno, request("GET /up HTTP/1.1", "Connection: close", scheme=None))
    assert answer.startswith(b"HTTP/1.1 200 ") and b": no-store\r\n" in answer
    assert b"X-Content-Type-Options: nosniff\r\n" in answer


def test_a_chunked_body_gets_411(dyno):
    assert statuses(dyno, request(POST, CHUNKED, body=HELLO)) == [411, 200]


def test_a_client_that_sends_too_much_can_read_its_413(dyno):
    body = 11_000_000 * "a"
    sent = request(POST, f"Content-Length: {len(body)}", body=body)
    answer = talk(dyno, sent + NEXT)
    assert answer.startswith(b"HTTP/1.1 413 ")
    is_ours(answer)


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
        request(POST, "Transfer-Encoding:\r\n chunked", body=HELLO),
        request(POST, f"Content-Length: {5_000 * '9'}"),
        request("GET / HTTP/1.1", "X: y\r\n z"),
        request("GET / HTTP/1.1", "X: y\nZ: a"),
    ],
)
def test_what_two_servers_may_read_in_two_ways_gets_400_and_an_end(dyno, sent):
    assert statuses(dyno, sent) == [400]


def test_what_a_stranger_posts_does_not_fill_the_memory_and_is_no_error(pushed):
    """A single worker gets all of it; the kernel has kept the most that it took."""
    part = '--end\r\nContent-Disposition: form-data; name="a"'
    text = f"{part}\r\n\r\n{9_000_000 * 'x'}\r\n"
    file = f'{part}; filename="f"\r\n\r\n{2_400_000 * "x"}\r\n'
    bodies = [
        (b"400", FORM, "a=" + 600_000 * "a"),
        (b"400", MULTIPART, f"{text}--end--\r\n"),
        (b"403", MULTIPART, f"{file}{file}--end--\r\n"),
    ]
    with pushed.dyno(WEB_CONCURRENCY="1") as dyno, ThreadPoolExecutor(30) as pool:
        [worker] = children(dyno)
        for status, kind, body in bodies:
            headers = [f"Content-Type: {kind}", COOKIE, REFERER, "Connection: close"]
            sent = request(POST, *headers, f"Content-Length: {len(body)}", body=body)
            for answer in pool.map(talk, [dyno] * 30, [sent] * 30, [60] * 30):
                assert answer.startswith(b"HTTP/1.1 " + status)
                is_ours(answer)
        assert children(dyno) == [worker], dyno.log
        kept = Path(f"/proc/{worker}/status").read_text()
        assert int(re.search(r"VmHWM:\s+(\d+) kB", kept)[1]) < 300_000
    assert "level=error" not in dyno.log


def close_after_the_end(client):
    """Do as the router does, once the dyno has closed."""
    with client:
        while client.recv(65536):
            pass


@pytest.mark.parametrize(
    "sent, is_silent, seconds",
    [
        # server.RECEIVE_SECONDS of clients that never go on
        (request("GET / HTTP/1.1", "X: ")[:-4], True, 13),
        # server.SEND_SECONDS of clients that do not read on
        (request("GET /static/large HTTP/1.1"), False, 25),
    ],
    ids=["silent", "deaf"],
)
def test_a_client_on_each_thread_does_not_hold_it_for_ever(
    pushed, sent, is_silent, seconds
):
    with contextlib.ExitStack() as stack:
        large = pushed.slug / "staticfiles/large"
        large.write_bytes(bytes(20_000_000))
        stack.callback(large.unlink)
        dyno = stack.enter_context(pushed.dyno(WEB_CONCURRENCY="1"))
        for _ in range(40):
            client = socket.create_connection(("127.0.0.1", dyno.port))
            stack.enter_context(client).sendall(sent)
            if is_silent:
                threading.Thread(target=close_after_the_end, args=[client]).start()
        time.sleep(0.5)
        start = time.monotonic()
        assert talk(dyno, NEXT, seconds=30).startswith(b"HTTP/1.1 200")
        assert time.monotonic() - start < seconds
        assert "Traceback" not in dyno.log


def test_nothing_of_all_this_was_a_500(dyno):
    assert "status=5" not in dyno.log
    assert "level=error" not in dyno.log
