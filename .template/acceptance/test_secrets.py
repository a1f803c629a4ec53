"""Nothing secret of a request that is refused gets into the log."""

import uuid

import parts
import pytest
from wire import COOKIE, FORM, NEXT, ask, is_ours, request, talk

SECRET = "sesame"


@pytest.fixture(scope="module")
def dyno(rehearsal):
    """A web dyno with a database."""
    with rehearsal.dyno() as dyno:
        yield dyno


@pytest.fixture(scope="module", params=["INFO", "DEBUG"])
def refusing(pushed, request):
    """A web dyno without a database, at two levels of its log."""
    with pushed.dyno(DJANGO_LOG_LEVEL=request.param) as dyno:
        yield dyno


@pytest.mark.parametrize(
    "sent",
    [
        request(f"GET /?token={SECRET}\xff HTTP/1.1"),
        request(f"GET /?token={SECRET} HTTP/9.9"),
        request(f"GET /?{9_000 * 'x'}{SECRET} HTTP/1.1"),
        request(f"GET /?token={SECRET} HTTP/1.1", host="evil.example.com"),
        request(f"GET /?token={SECRET}%00 HTTP/1.1"),
        request(f"GET http://[?token={SECRET} HTTP/1.1"),
        request("GET / HTTP/1.1", f"Authorization Bearer {SECRET}"),
        request("GET / HTTP/1.1", f"Authorization: Bearer\0{SECRET}"),
        request("GET / HTTP/1.1", f"X: {9_000 * 'x'}{SECRET}"),
        request("POST / HTTP/1.1", f"Content-Length: {SECRET}"),
        request("POST / HTTP/1.1", "Transfer-Encoding: chunked", body=f"{SECRET}\r\n"),
        request("GET / HTTP/1.1", f"Expect: {SECRET}"),
        request("GET / HTTP/1.1", f"Cookie: __Host-sessionid={SECRET}\\000"),
        request("GET / HTTP/1.1", f"X-Request-Id: {SECRET}-{SECRET}-{SECRET}!"),
    ],
)
def test_a_refused_request_leaves_no_secret_in_the_log(refusing, sent):
    talk(refusing, sent + NEXT)
    marker = uuid.uuid4()
    talk(refusing, request(f"GET /{marker} HTTP/1.1", "Connection: close"))
    parts.wait_until(lambda: f"path=/{marker}" in refusing.log)
    assert SECRET not in refusing.log


@pytest.mark.parametrize(
    "header",
    [
        f"Referer: https://evil.example.com/?token={SECRET}",
        f"Referer: https://user:{SECRET}@evil.example.com/",
        f"Referer: {SECRET}",
        f"Origin: {SECRET}",
        f"Origin: https://evil.example.com does not match {SECRET} does not match",
        f"Cookie: __Host-csrftoken={SECRET}",
        f"X-CSRFToken: {SECRET}",
    ],
)
def test_a_csrf_failure_leaves_no_header_in_the_log(dyno, header):
    kind = f"Content-Type: {FORM}"
    headers = [kind, header] if "Cookie" in header else [kind, header, COOKIE]
    body = f"csrfmiddlewaretoken={SECRET}"
    answer = ask(dyno, f"POST /admin/login/?next={SECRET}", *headers, body=body)
    assert answer.status == 403
    is_ours(answer)
    assert SECRET not in dyno.log
