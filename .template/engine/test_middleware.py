"""The headers of each page, and what is refused."""

import pytest
from django.conf import settings
from django.http import HttpResponse, StreamingHttpResponse
from django.test import Client, override_settings
from django.views.decorators.cache import cache_control

from dyno.middleware import security_headers

HEADERS = settings.SECURITY_HEADERS | {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Referrer-Policy": "same-origin",
    "Strict-Transport-Security": "max-age=3600",
    "X-Content-Type-Options": "nosniff",
}


@pytest.fixture
def https():
    """A browser on HTTPS, with the settings that development lacks."""
    with override_settings(SECURE_HSTS_SECONDS=3600, SECURE_SSL_REDIRECT=True):
        yield Client(raise_request_exception=False, headers={"host": "127.0.0.1"})


def sent(answer):
    return {name: answer.headers.get(name) for name in HEADERS}


@pytest.mark.parametrize(
    "path, headers, status",
    [
        ("/plain", {}, 200),
        ("/no-such-page", {}, 404),
        ("/plain?q=%00", {}, 400),
        ("/plain", {"host": "evil.example.com"}, 400),
        ("/plain", {"content-length": str(10**9)}, 413),
        ("/page", {}, 500),
    ],
)
def test_every_answer_has_the_security_headers(https, broken, path, headers, status):
    broken(RuntimeError)
    answer = https.get(path, headers=headers, secure=True)
    assert answer.status_code == status
    assert sent(answer) == HEADERS


def test_what_is_answered_before_django_has_the_same_headers():
    with override_settings(SECURE_HSTS_SECONDS=3600, SECURE_SSL_REDIRECT=True):
        assert security_headers() == HEADERS


def test_no_shared_cache_keeps_a_page_unless_its_view_says_so(client, page):
    answer = client.get("/plain")
    assert answer.headers["Cache-Control"] == "max-age=0, private, must-revalidate"
    page(cache_control(public=True, max_age=60)(lambda request: HttpResponse()))
    assert client.get("/page").headers["Cache-Control"] == "public, max-age=60"


@pytest.mark.parametrize("response", [HttpResponse, StreamingHttpResponse])
def test_a_page_is_compressed_and_a_stream_is_not(client, page, response):
    page(lambda request: response(["a" * 2_000]))
    answer = client.get("/page", headers={"accept-encoding": "gzip"})
    is_compressed = "Content-Encoding" in answer.headers
    assert is_compressed is (response is HttpResponse)


def status(path="/plain", **headers):
    return Client(headers=headers).get(path).status_code


def test_a_nul_byte_gets_400():
    assert status("/a%00b") == 400
    assert status("/plain?q=a%00") == 400
    assert status(cookie=r'sessionid="\000abcdefghijk"') == 400
    assert status("/plain?q=%2500") == 200  # an escaped percent sign before two zeros


def test_a_body_of_no_declared_length_gets_411():
    answer = Client().get("/plain", headers={"transfer-encoding": "chunked"})
    assert answer.status_code == 411
    assert "411 by the site" in answer.text


@pytest.mark.parametrize("length, answer", [("100", 200), ("101", 413)])
def test_a_body_has_a_largest_size(length, answer):
    with override_settings(REQUEST_MAX_BYTES=100):
        assert status(content_length=length) == answer
