"""Nothing secret of a request that is refused gets into the log."""

import pytest
from wire import NEXT, ask, request, talk

SECRET = "sesame"


@pytest.fixture(scope="module")
def dyno(pushed):
    """A web dyno that logs all that it can."""
    with pushed.dyno(DJANGO_LOG_LEVEL="DEBUG") as dyno:
        yield dyno


@pytest.mark.parametrize(
    "sent",
    [
        request(f"GET /?token={SECRET}\xff HTTP/1.1"),
        request(f"GET /?token={SECRET} HTTP/9.9"),
        request(f"GET /?{9_000 * 'x'}{SECRET} HTTP/1.1"),
        request(f"GET /?token={SECRET} HTTP/1.1", host="evil.example.com"),
        request(f"GET http://[?token={SECRET} HTTP/1.1"),
        request("GET / HTTP/1.1", f"Authorization Bearer {SECRET}"),
        request("GET / HTTP/1.1", f"Authorization: Bearer\0{SECRET}"),
        request("GET / HTTP/1.1", f"X: {9_000 * 'x'}{SECRET}"),
        request("POST / HTTP/1.1", f"Content-Length: {SECRET}"),
        request("POST / HTTP/1.1", "Transfer-Encoding: chunked", body=f"{SECRET}\r\n"),
        request("GET / HTTP/1.1", f"Expect: {SECRET}"),
        request("GET / HTTP/1.1", f"X-Request-Id: {SECRET}-{SECRET}-{SECRET}!"),
    ],
)
def test_a_refused_request_leaves_no_secret_in_the_log(dyno, sent):
    talk(dyno, sent + NEXT)
    ask(dyno, "GET /no-such-page")  # until that is in the log
    assert SECRET not in dyno.log
    assert " path=/up " in dyno.log
