"""The headers of each page, and what is refused."""

import pytest
from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.http import HttpResponse, StreamingHttpResponse
from django.middleware import csp
from django.test import Client, override_settings
from django.utils.csp import CSP
from django.views.decorators.cache import cache_control
from django.views.decorators.csp import csp_override

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
    "path, status",
    [("/plain", 200), ("/no-such-page", 404), ("/plain?q=%00", 400)],
)
def test_every_page_has_the_security_headers(https, path, status):
    answer = https.get(path, secure=True)
    assert answer.status_code == status
    assert sent(answer) == HEADERS


@pytest.mark.parametrize(
    "headers, status",
    [
        ({"host": "evil.example.com"}, 400),
        ({"content-length": str(10**9)}, 413),
    ],
)
def test_what_is_refused_has_the_security_headers(https, headers, status):
    answer = https.get("/plain", headers=headers, secure=True)
    assert answer.status_code == status
    assert sent(answer) == HEADERS


@pytest.mark.parametrize("error", [PermissionDenied, RuntimeError])
def test_the_page_of_an_error_has_the_security_headers(https, broken, error):
    broken(error)
    assert sent(https.get("/page", secure=True)) == HEADERS


def test_plain_http_is_redirected_to_https_without_hsts(https):
    answer = https.get("/plain")
    assert answer.headers["Location"] == "https://127.0.0.1/plain"
    assert sent(answer) == HEADERS | {"Strict-Transport-Security": None}


def test_what_is_answered_before_django_has_the_same_headers():
    with override_settings(SECURE_HSTS_SECONDS=3600, SECURE_SSL_REDIRECT=True):
        assert security_headers() == HEADERS


def test_a_view_may_set_a_header_of_its_own(client, page):
    own = {"Cross-Origin-Resource-Policy": "same-site"}
    page(lambda request: HttpResponse(headers=own))
    answer = client.get("/page")
    assert answer.headers["Cross-Origin-Resource-Policy"] == "same-site"


def test_a_view_may_set_a_policy_of_its_own(client, page):
    override = csp_override({"default-src": [CSP.SELF]})
    page(override(lambda request: HttpResponse()))
    policy = client.get("/page").headers["Content-Security-Policy"]
    assert policy == "default-src 'self'"


def test_a_nonce_that_a_page_uses_is_in_its_policy(page):
    page(lambda request: HttpResponse(csp.get_nonce(request) if request.GET else ""))
    with override_settings(SECURE_CSP={"script-src": [CSP.SELF, CSP.NONCE]}):
        client = Client()
        answer = client.get("/page?nonce")
        policy = answer.headers["Content-Security-Policy"]
        assert policy == f"script-src 'self' 'nonce-{answer.text}'"
        policy = client.get("/page").headers["Content-Security-Policy"]
        assert policy == "script-src 'self'"


def test_a_site_may_have_no_policy():
    with override_settings(SECURE_CSP={}):
        assert "Content-Security-Policy" not in Client().get("/plain").headers
        assert "Content-Security-Policy" not in security_headers()


def test_a_site_may_have_no_headers_of_its_own():
    with override_settings():
        del settings.SECURITY_HEADERS
        assert "Permissions-Policy" not in Client().get("/plain").headers


def test_no_shared_cache_keeps_a_page_unless_its_view_says_so(client, page):
    answer = client.get("/plain")
    assert answer.headers["Cache-Control"] == "max-age=0, private, must-revalidate"
    page(cache_control(public=True, max_age=60)(lambda request: HttpResponse()))
    assert client.get("/page").headers["Cache-Control"] == "public, max-age=60"


@pytest.mark.parametrize("length, coding", [(199, None), (200, "gzip")])
def test_a_page_is_compressed_if_it_is_not_short(client, page, length, coding):
    page(lambda request: HttpResponse("a" * length))
    answer = client.get("/page", headers={"accept-encoding": "gzip"})
    assert answer.headers.get("Content-Encoding") == coding


def test_a_page_is_compressed_only_for_who_can_read_it(client, page):
    page(lambda request: HttpResponse("a" * 1000))
    assert "Content-Encoding" not in client.get("/page").headers


def test_a_stream_is_sent_as_it_is(client, page):
    page(lambda request: StreamingHttpResponse(["a" * 2_000]))
    answer = client.get("/page", headers={"accept-encoding": "gzip"})
    assert "Content-Encoding" not in answer.headers


def status(path="/plain", **headers):
    return Client(headers=headers).get(path).status_code


@pytest.mark.parametrize("path", ["/a%00b", "/plain?q=a%00"])
def test_a_nul_byte_gets_400(path):
    assert status(path) == 400


def test_an_escaped_percent_sign_before_two_zeros_is_no_nul_byte():
    assert status("/plain?q=%2500") == 200


def test_a_nul_byte_in_a_cookie_gets_400():
    assert status(cookie=r'sessionid="\000abcdefghijk"') == 400


def test_a_body_of_no_declared_length_gets_411():
    answer = Client().get("/plain", headers={"transfer-encoding": "chunked"})
    assert answer.status_code == 411
    assert "411 by the site" in answer.text


@pytest.mark.parametrize("length, answer", [("100", 200), ("101", 413)])
def test_a_body_has_a_largest_size(length, answer):
    with override_settings(REQUEST_MAX_BYTES=100):
        assert status(content_length=length) == answer
