"""What a hostile or broken client can send, byte by byte, to a web dyno's socket."""

import contextlib
import re
import socket
import struct
import threading
import time

import heroku
import pytest
from heroku import HOST


@pytest.fixture(scope="module")
def dyno(slug, secret_key):
    """A web dyno without a database."""
    with heroku.Dyno(slug, {"DJANGO_SECRET_KEY": secret_key}) as dyno:
        yield dyno


@pytest.fixture(scope="module")
def stylesheet(dyno):
    """The path of the stylesheet."""
    page = talk(dyno, request("GET / HTTP/1.1", "Connection: close"))
    return re.search(rb'"(/static/site\.\w+\.css)"', page)[1].decode()


def request(line, *headers, host=HOST, scheme="https", body=""):
    """Return the bytes of a request as the router would pass it on."""
    lines = [line, host and f"Host: {host}", scheme and f"X-Forwarded-Proto: {scheme}"]
    lines = [*filter(None, lines), *headers]
    return ("\r\n".join(lines) + f"\r\n\r\n{body}").encode("latin-1")


NEXT = request("GET /up HTTP/1.1", "Connection: close")


def talk(dyno, sent, seconds=15):
    """Send bytes, and return those of the answer up to its end."""
    with socket.create_connection(("127.0.0.1", dyno.port), seconds) as client:
        answer = b""
        # Both may break after an answer to what was not read to its end.
        with contextlib.suppress(ConnectionError):
            client.sendall(sent)
        with contextlib.suppress(ConnectionError):
            while piece := client.recv(65536):
                answer += piece
        return answer


def statuses(dyno, sent, then=NEXT):
    """Return the statuses of all the answers to a request and to one that follows."""
    answers = re.findall(rb"HTTP/1\.[01] (\d+) ", talk(dyno, sent + then))
    return [int(status) for status in answers]


def log_after(dyno, wanted, seconds=5):
    """Return the log once `wanted` is in it."""
    heroku.wait_until(lambda: wanted in dyno.log, seconds)
    return dyno.log


POST = "POST /admin/login/ HTTP/1.1"
CHUNKED = "Transfer-Encoding: chunked"
HELLO = "5\r\nhello\r\n0\r\n\r\n"


@pytest.mark.parametrize(
    "sent",
    [
        request("GET / HTTP/1.1", "SCRIPT_NAME: /x"),
        request("GET / HTTP/1.1", "SCRIPT-NAME: /x"),
        request("GET / HTTP/1.1", "PATH_INFO: /no-such-page"),
        request("GET / HTTP/1.1", "X-Forwarded-Ssl: off"),
        request("GET / HTTP/1.1", "X-Forwarded-Ssl: on"),
        request("GET / HTTP/1.1", "X-Forwarded-Host: evil.example.com"),
        request("GET / HTTP/1.1", "X_Forwarded_Proto: http"),
        request("GET / HTTP/1.1", "Content-Length: 3", body="a=b"),
        request("GET / HTTP/1.1", "Cookie: \xff=\xfe; ;; __Host-sessionid=%00"),
        request("GET /?q=%ff HTTP/1.1"),
        request("GET /?q=a%2500 HTTP/1.1"),
        request("GET / HTTP/1.1", host=f"{HOST.upper()}:443"),
        request("GET / HTTP/1.1", scheme="https,http"),
        request("GET / HTTP/1.1", scheme="HTTPS"),
    ],
)
def test_these_change_nothing(dyno, sent):
    assert statuses(dyno, sent) == [200, 200]


@pytest.mark.parametrize("scheme", [None, "http", "http,https"])
def test_what_the_router_does_not_call_https_is_sent_there(dyno, scheme):
    headers = (
        "X-Forwarded-Ssl: on",
        "X-Forwarded-Protocol: ssl",
        "Front-End-Https: on",
    )
    sent = request("GET /a?b=c HTTP/1.1", *headers, scheme=scheme)
    assert statuses(dyno, sent) == [301, 200]
    assert f"\r\nLocation: https://{HOST}/a?b=c\r\n".encode() in talk(dyno, sent + NEXT)


def test_off_a_proxy_nobody_is_believed_that_it_is_https(slug, secret_key):
    config_vars = {"DJANGO_SECRET_KEY": secret_key, "FORWARDED_ALLOW_IPS": "192.0.2.1"}
    with heroku.Dyno(slug, config_vars) as dyno:
        assert statuses(dyno, request("GET / HTTP/1.1")) == [301, 200]


@pytest.mark.parametrize("size, status", [(8190, 200), (8191, 414), (20_000, 414)])
def test_a_request_line_may_have_the_routers_8_kb(dyno, size, status):
    line = "GET /?".ljust(size - len(" HTTP/1.1"), "a") + " HTTP/1.1"
    assert statuses(dyno, request(line))[0] == status


@pytest.mark.parametrize(
    "headers, status",
    [([f"X-{n}: y" for n in range(101)], 431), (["X: " + 9000 * "y"], 431)],
)
def test_headers_have_a_limit(dyno, headers, status):
    assert statuses(dyno, request("GET / HTTP/1.1", *headers)) == [status]


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
    "path", ["/%00", "/a%00b", "/?q=%00", "/admin/login/?next=a%00", "/static/%00.css"]
)
def test_a_nul_byte_in_path_or_query_gets_400(dyno, path):
    assert statuses(dyno, request(f"GET {path} HTTP/1.1")) == [400, 200]


@pytest.mark.parametrize(
    "host",
    [None, "evil.example.com", "a,b", "a@" + HOST, f"{HOST}:x", "[::1", "127.0.0.1"]
    + ["evilherokuapp.com", "'\"<x>", "a\xffb", 8000 * "x"],
)
@pytest.mark.parametrize("scheme", ["https", "http"])
def test_a_host_that_is_not_ours_or_is_missing_gets_400(dyno, host, scheme):
    sent = request("GET / HTTP/1.1", host=host, scheme=scheme)
    assert statuses(dyno, sent) == [400, 200]


def test_two_hosts_get_400(dyno):
    assert statuses(dyno, request("GET / HTTP/1.1", "Host: evil.example.com")) == [400]


def test_up_and_static_files_are_the_same_under_every_host(dyno, stylesheet):
    for path in ("/up", stylesheet):
        sent = request(f"GET {path} HTTP/1.1", host=None)
        assert statuses(dyno, sent) == [200, 200]


def test_unknown_hosts_are_told_once_a_minute_and_process_with_the_cure(
    slug, secret_key
):
    config_vars = {"DJANGO_SECRET_KEY": secret_key, "WEB_CONCURRENCY": "1"}
    with heroku.Dyno(slug, config_vars) as dyno:
        for number in range(20):
            sent = request("GET / HTTP/1.1", host=f"{number}.example.com")
            assert statuses(dyno, sent) == [400, 200]
        log = log_after(dyno, "host=19.example.com")
    told = [line for line in log.splitlines() if "DisallowedHost" in line]
    assert len(told) == 1
    assert "'0.example.com'" in told[0]
    assert "heroku config:set DJANGO_ALLOWED_HOSTS=" in told[0]
    assert "Traceback" not in log


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
    token = "a" * 32
    headers = [
        f"Cookie: __Host-csrftoken={token}",
        f"Referer: https://{HOST}/admin/login/",
        "Content-Type: application/x-www-form-urlencoded",
        "Content-Length: 999",
    ]
    sent = request(POST, *headers, body=f"csrfmiddlewaretoken={token}&username=half")
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


@pytest.mark.parametrize(
    "path, status",
    [
        ("/%ff", 404),
        ("/%ed%a0%80", 404),
        ("/%c0%af", 404),
        ("/%", 404),
        ("/%0d%0aSet-Cookie:%20a=b", 404),
        ("//evil.example.com/", 404),
        ("//evil.example.com/admin", 404),
        ("/%2f%2fevil.example.com/%2e%2e", 404),
        ("/admin%2flogin%2f", 200),
        ("/static/../manage.py", 404),
        ("/static/%2e%2e/manage.py", 404),
        ("/static%2f..%2fmanage.py", 404),
        ("/static//etc/passwd", 404),
        ("http://evil.example.com/", 200),
    ],
)
def test_an_odd_path_is_no_500_and_leads_nowhere_else(dyno, path, status):
    answer = talk(dyno, request(f"GET {path} HTTP/1.1") + NEXT)
    assert answer.startswith(f"HTTP/1.1 {status} ".encode())
    assert b"\nLocation:" not in answer
    assert b"\nSet-Cookie: a=b" not in answer
    assert b"evil.example.com" not in answer


@pytest.mark.parametrize(
    "method, page, file",
    [("HEAD", 200, 200), ("OPTIONS", 405, 405), ("TRACE", 405, 405), ("FOO", 403, 405)],
)
def test_other_methods_than_get(dyno, stylesheet, method, page, file):
    assert statuses(dyno, request(f"{method} / HTTP/1.1")) == [page, 200]
    assert statuses(dyno, request(f"{method} {stylesheet} HTTP/1.1")) == [file, 200]


def test_a_head_has_no_body_and_leaves_no_warning(dyno, stylesheet):
    for path in ("/", "/up", stylesheet):
        head = talk(dyno, request(f"HEAD {path} HTTP/1.1", "Connection: close"))
        assert head.endswith(b"\r\n\r\n")
        assert b"\nContent-Length: " in head
    assert "no-body" not in dyno.log


def test_a_range_of_a_static_file(dyno, stylesheet):
    plain = request(f"GET {stylesheet} HTTP/1.1", "Connection: close")
    whole = talk(dyno, plain).partition(b"\r\n\r\n")[2]
    sent = request(f"GET {stylesheet} HTTP/1.1", "Range: bytes=0-9") + NEXT
    head, _, rest = talk(dyno, sent).partition(b"\r\n\r\n")
    assert b" 206 " in head
    assert rest.partition(b"HTTP/1.1 200")[0] == whole[:10]


@pytest.mark.parametrize(
    "asked, status",
    [("5-2", 416), ("999999999-", 416), ("9" * 5000 + "-", 200), ("x", 200)],
)
def test_an_odd_range_of_a_static_file_is_no_500(dyno, stylesheet, asked, status):
    line = f"Range: bytes={asked}"
    sent = request(f"GET {stylesheet} HTTP/1.1", line)
    assert statuses(dyno, sent) == [status, 200]


def close_after_the_end(client):
    with client:
        while client.recv(65536):
            pass


@pytest.mark.parametrize(
    "count, sent, seconds",
    [
        # server.RECEIVE_SECONDS of clients that never go on, one on each thread
        (40, request("GET / HTTP/1.1", "X: ")[:-4], 13),
        # server.SEND_SECONDS of clients that do not read on, one on each thread
        (40, request("GET /static/large HTTP/1.1"), 25),
        # two seconds of gunicorn's for each client that never closes
        (5, NEXT, 12),
    ],
    ids=["silent", "deaf", "unclosed"],
)
def test_clients_that_do_nothing_do_not_hold_the_threads_for_ever(
    slug, secret_key, count, sent, seconds
):
    config_vars = {"DJANGO_SECRET_KEY": secret_key, "WEB_CONCURRENCY": "1"}
    with contextlib.ExitStack() as stack:
        large = slug / "staticfiles/large"
        large.write_bytes(bytes(20_000_000))
        stack.callback(large.unlink)
        dyno = stack.enter_context(heroku.Dyno(slug, config_vars))
        for _ in range(count):
            client = socket.create_connection(("127.0.0.1", dyno.port))
            stack.enter_context(client).sendall(sent)
            if seconds == 13:  # as the router does, once the dyno has closed
                threading.Thread(target=close_after_the_end, args=[client]).start()
        time.sleep(0.5)
        start = time.monotonic()
        assert talk(dyno, NEXT, seconds=30).startswith(b"HTTP/1.1 200")
        assert time.monotonic() - start < seconds
        assert "Traceback" not in dyno.log


@pytest.mark.parametrize("path", ["/nothing", "/up", "/static/x", "/admin/login/"])
def test_a_few_bodies_that_trickle_leave_the_others_untouched(slug, secret_key, path):
    config_vars = {"DJANGO_SECRET_KEY": secret_key, "WEB_CONCURRENCY": "1"}
    over = threading.Event()

    def trickle(client):
        with client, contextlib.suppress(OSError):
            while not over.wait(0.5):
                client.sendall(b"-")

    with heroku.Dyno(slug, config_vars) as dyno:
        threads = []
        for _ in range(8):
            client = socket.create_connection(("127.0.0.1", dyno.port))
            client.sendall(request(f"POST {path} HTTP/1.1", "Content-Length: 5000"))
            threads.append(threading.Thread(target=trickle, args=[client]))
            threads[-1].start()
        seconds = []
        for _ in range(30):
            start = time.monotonic()
            assert talk(dyno, NEXT).startswith(b"HTTP/1.1 200")
            seconds.append(time.monotonic() - start)
            time.sleep(0.25)
        over.set()
        for thread in threads:
            thread.join()
    assert max(seconds) < 1


def test_a_reset_connection_leaves_no_traceback(dyno):
    for sent in (request("GET / HTTP/1.1")[:20], request(POST, "Content-Length: 9")):
        client = socket.create_connection(("127.0.0.1", dyno.port))
        client.sendall(sent)
        time.sleep(0.1)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.close()
    assert statuses(dyno, b"") == [200]
    assert "Traceback" not in dyno.log


def test_nothing_of_all_this_was_a_500(dyno):
    assert "status=5" not in dyno.log.replace("status=501", "")
    assert "level=error" not in dyno.log
