"""The headers of each page, and what is refused."""

import io

import pytest
from django.conf import settings as django_settings
from django.http import FileResponse, HttpResponse
from django.test import Client
from django.views.decorators.cache import cache_control

HEADERS = django_settings.SECURITY_HEADERS | {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Referrer-Policy": "same-origin",
    "Strict-Transport-Security": "max-age=3600",
    "X-Content-Type-Options": "nosniff",
}


@pytest.mark.parametrize(
    "path, headers, status",
    [
        ("/plain", {}, 200),
        ("/plain", {"host": "evil.example.com"}, 400),
        ("/plain", {"content-length": str(10**9)}, 413),
        ("/page", {}, 500),
    ],
)
def test_every_answer_has_the_security_headers(settings, broken, path, headers, status):
    settings.SECURE_HSTS_SECONDS = 3600
    settings.SECURE_SSL_REDIRECT = True
    broken(RuntimeError)
    answer = Client(raise_request_exception=False).get(
        path, headers={"host": "127.0.0.1"} | headers, secure=True
    )
    assert answer.status_code == status
    assert {name: answer.headers.get(name) for name in HEADERS} == HEADERS


def test_no_shared_cache_keeps_a_page_unless_its_view_says_so(client, page):
    answer = client.get("/plain")
    assert answer.headers["Cache-Control"] == "max-age=0, private, must-revalidate"
    page(cache_control(public=True, max_age=60)(lambda request: HttpResponse()))
    assert client.get("/page").headers["Cache-Control"] == "public, max-age=60"


def test_a_page_is_compressed(client, page):
    page(lambda request: HttpResponse(2_000 * "a"))
    answer = client.get("/page", headers={"accept-encoding": "gzip"})
    assert answer.headers["Content-Encoding"] == "gzip"


def test_a_download_has_its_length(client, page):
    page(lambda request: FileResponse(io.BytesIO(2_000 * b"a")))
    answer = client.get("/page", headers={"accept-encoding": "gzip"})
    assert "Content-Encoding" not in answer.headers
    assert answer.headers["Content-Length"] == "2000"


def status(path="/plain", **headers):
    return Client(headers=headers).get(path).status_code


def test_a_nul_byte_gets_400():
    assert status("/a%00b") == 400
    assert status("/plain?q=a%00") == 400
    assert status(cookie=r'sessionid="\000abcdefghijk"') == 400
    assert status("/plain?q=%2500") == 200  # an escaped percent sign before two zeros


@pytest.mark.parametrize("length, answer", [("100", 200), ("101", 413)])
def test_a_body_has_a_largest_size(settings, length, answer):
    settings.REQUEST_MAX_BYTES = 100
    assert status(content_length=length) == answer
