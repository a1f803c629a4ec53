"""What the front door does with lines, hosts, paths, methods and ranges."""

import re

import pytest
from client import HOST
from wire import NEXT, log_after, request, statuses, talk


@pytest.fixture(scope="module")
def stylesheet(dyno):
    """The path of the stylesheet."""
    page = talk(dyno, request("GET / HTTP/1.1", "Connection: close"))
    return re.search(rb'"(/static/site\.\w+\.css)"', page)[1].decode()


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


def test_off_a_proxy_nobody_is_believed_that_it_is_https(pushed):
    with pushed.dyno(FORWARDED_ALLOW_IPS="192.0.2.1") as dyno:
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


def test_unknown_hosts_are_told_once_a_minute_and_process_with_the_cure(pushed):
    with pushed.dyno(WEB_CONCURRENCY="1") as dyno:
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


def test_nothing_of_all_this_was_a_500(dyno):
    assert "status=5" not in dyno.log.replace("status=501", "")
    assert "level=error" not in dyno.log
