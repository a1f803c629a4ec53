"""What clients send to code that might trust it; each answer is the site's own."""

import contextlib
import re
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from client import HOST
from formation import children
from wire import COOKIE, FORM, REFERER, TOKEN, ask, is_ours, request, talk

SECRET = "sesame"


@pytest.fixture(scope="module")
def dyno(rehearsal):
    """A web dyno with a database."""
    with rehearsal.dyno() as dyno:
        yield dyno


CHARSETS = ["iso-8859-1", "punycode", "utf-16", "no-such-charset", "", '"', "\xff"]
CHARSETS += ["a" * 5000]
ODD_CHARSETS = ["rot13", "zlib", "hex", "base64", "bz2", "uu", "quopri", "undefined"]
ODD_CHARSETS += ["utf-7", "idna", "unicode_escape", "raw_unicode_escape"]
CONTENT_TYPES = [f"text/plain; charset={charset}" for charset in CHARSETS]
CONTENT_TYPES += [f"{FORM}; charset={charset}" for charset in CHARSETS]
CONTENT_TYPES += ["/", ";", "=;=;=", "text/plain; charset*=utf-8''%ff", "\xff/\xfe"]
CONTENT_TYPES += [
    "text/plain; charset*=rot13''x",
    "a;b*=",
    ";" * 4000,
    "multipart/form-data; boundary=\xff",
    "multipart/mixed",
]


@pytest.mark.parametrize("content_type", CONTENT_TYPES, ids=range(len(CONTENT_TYPES)))
def test_a_content_type_gets_a_page_of_ours(dyno, content_type):
    kind = f"Content-Type: {content_type}"
    body = f"csrfmiddlewaretoken={TOKEN}&username=a%ff\xe9&password=b"
    for answer in (
        ask(dyno, f"GET /?token={SECRET}", kind),
        ask(dyno, f"POST /admin/login/?token={SECRET}", kind, body=body),
        ask(
            dyno, f"POST /admin/login/?token={SECRET}", kind, COOKIE, REFERER, body=body
        ),
    ):
        assert answer.status in (200, 400, 403, 415)
        is_ours(answer)
    assert SECRET not in dyno.log


LOG_IN = "".join(
    f'--end\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
    for name, value in {
        "csrfmiddlewaretoken": TOKEN,
        "username": "u\\ud800+2AA-",
        "password": "a",
    }.items()
)
LOG_IN += "--end--\r\n"


@pytest.mark.parametrize("charset", CHARSETS)
def test_a_log_in_in_any_charset_gets_a_page_of_ours(dyno, charset):
    kind = f"Content-Type: multipart/form-data; boundary=end; charset={charset}"
    for path in ("/admin/login/", "/admin/login/?next=%5Cud800"):
        line = f"POST {path}"
        answer = ask(dyno, line, kind, COOKIE, REFERER, body=LOG_IN)
        assert answer.status in (200, 400, 403)
        is_ours(answer)
    answer = ask(dyno, "GET /admin/login/?next=%5Cud800", kind)
    assert answer.status in (200, 400)
    is_ours(answer)


@pytest.mark.parametrize(
    "charset", [f"={charset}" for charset in ODD_CHARSETS] + ["*=x''"]
)
def test_an_odd_charset_harms_nobody_else(dyno, charset):
    """Only a scanner sends it; gunicorn's or Django's 500 is good enough."""
    before = children(dyno)
    lines = [
        (f"GET /?token={SECRET}&a=%ff HTTP/1.1", ""),
        ("POST /admin/login/ HTTP/1.1", LOG_IN),
    ]
    kind = f"Content-Type: multipart/form-data; boundary=end; charset{charset}"
    for line, body in lines * 4:
        headers = [kind, COOKIE, REFERER, f"Content-Length: {len(body)}"]
        sent = request(line, *headers, "Connection: close", body=body)
        assert talk(dyno, sent)[9:12] in (b"200", b"400", b"403", b"500")
    assert ask(dyno, "GET /robots.txt").status == 200
    assert children(dyno) == before
    assert SECRET not in dyno.log


def test_an_address_that_cannot_be_redirected_is_no_error(dyno):
    for line, scheme in (("GET /admin?%s", "https"), ("GET /nothing?%s", "http")):
        answer = ask(dyno, line % (7_000 * '"'), scheme=scheme)
        assert answer.status == 400
        assert "level=error" not in "".join(answer.log)


def test_an_unknown_host_over_http_gets_the_headers_too(dyno):
    sent = request("GET / HTTP/1.1", "Connection: close", scheme="http")
    head = talk(dyno, sent.replace(HOST.encode(), b"a..b"))
    assert b" 400 " in head.partition(b"\r\n")[0]
    assert b"\nX-Content-Type-Options: nosniff" in head


@pytest.mark.parametrize("path", ["/", "/admin/login/", "/no-such-page"])
def test_a_thousand_parameters_get_a_page_of_ours(dyno, path):
    query = "&".join(f"a{number}=" for number in range(1_001))
    answer = ask(dyno, f"GET {path}?{query}")
    assert answer.status in (200, 400, 404)
    assert answer.headers["content-security-policy"]
    assert "level=error" not in "".join(answer.log)
    assert "a1=" not in dyno.log


def multipart(*contents, name="a", filename=None):
    """Return a multipart body; its boundary is "end"."""
    file = f'; filename="{filename}"' if filename else ""
    disposition = f'Content-Disposition: form-data; name="{name}"{file}'
    found = "".join(f"--end\r\n{disposition}\r\n\r\n{text}\r\n" for text in contents)
    return f"{found}--end--\r\n"


MULTIPART = "multipart/form-data; boundary=end"
BODIES = {
    "1,001 fields": (FORM, "&".join(f"a{number}=" for number in range(1_001))),
    "1,001 parts": (MULTIPART, multipart(*1_001 * ["x"])),
    "2.7 MB": (FORM, "a=" + "x" * 2_700_000),
    "a part of 2.7 MB": (MULTIPART, multipart("x" * 2_700_000)),
    "101 files": (MULTIPART, multipart(*101 * ["x"], filename="f")),
    "no boundary": ("multipart/form-data", multipart("x")),
    "an empty boundary": ("multipart/form-data; boundary=", multipart("x")),
    "no end": (MULTIPART, multipart("x")[:-9]),
    "no base64 at all": (
        MULTIPART,
        multipart("*").replace(
            "\r\n\r\n", "\r\nContent-Transfer-Encoding: base64\r\n\r\n"
        ),
    ),
    "a NUL byte": (FORM, "a=%00&%00=b"),
    "JSON": ("application/json", "{"),
}


@pytest.mark.parametrize("cookie", [None, COOKIE, "Cookie: __Host-csrftoken=x"])
@pytest.mark.parametrize("path", ["/no-such-page", "/admin/login/"])
@pytest.mark.parametrize("body", BODIES)
def test_a_body_that_django_refuses_is_no_error_of_the_site(dyno, body, path, cookie):
    kind, text = BODIES[body]
    headers = [f"Content-Type: {kind}", REFERER, *filter(None, [cookie])]
    answer = ask(dyno, f"POST {path}", *headers, body=text)
    assert answer.status in (400, 403, 404, 413)
    is_ours(answer)


def memory(dyno):
    """Return the memory of a dyno's processes in MB, what they share counted once."""
    total = 0
    for pid in (dyno.process.pid, *children(dyno)):
        with contextlib.suppress(OSError):  # it has just ended
            rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
            total += int(re.search(r"^Pss: +(\d+)", rollup, re.MULTILINE)[1])
    return total // 1024


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (FORM, 866_000 * "%41"),
        (FORM, 166_000 * "%41"),
        (FORM, 166_000 * "&%41"),
        (FORM, 1_000 * ("a=" + 169 * "%41" + "&")),
        (MULTIPART, multipart("x" * 9_000_000)),
        (MULTIPART, multipart(*900 * ["x" * 500])),
        (MULTIPART, multipart(*90 * ["x" * 100_000], filename="f")),
        (MULTIPART, multipart(*2 * ["x" * 2_400_000], filename="f")),
    ],
    ids=[
        "2.6 MB",
        "500 kB",
        "names",
        "fields",
        "a part",
        "parts",
        "files",
        "in memory",
    ],
)
def test_what_a_stranger_posts_does_not_fill_the_memory(rehearsal, kind, text):
    headers = [f"Content-Type: {kind}", COOKIE, REFERER, "Connection: close"]
    headers.append(f"Content-Length: {len(text)}")
    sent = request("POST /admin/login/ HTTP/1.1", *headers, body=text)
    with rehearsal.dyno() as dyno, ThreadPoolExecutor(30) as pool:
        before = most = memory(dyno)
        answers = [pool.submit(talk, dyno, sent, 60) for _ in range(30)]
        while not all(answer.done() for answer in answers):
            most = max(most, memory(dyno))
            time.sleep(0.01)
        assert most < 300
        statuses = {answer.result()[9:12] for answer in answers}
        print(f"from {before} to {most} MB, {statuses}")
        assert statuses <= {b"400", b"403", b"413", b"503"}
        assert "Traceback" not in dyno.log
