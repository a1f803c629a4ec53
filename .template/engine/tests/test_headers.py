"""The headers and cookies that browsers are told by what to allow."""

import pytest
from django.conf import settings
from django.core.exceptions import PermissionDenied, SuspiciousOperation
from django.db import OperationalError
from django.http import HttpResponse
from django.middleware import csp
from django.test import Client, override_settings
from django.utils.csp import CSP, build_policy
from django.views.decorators.csp import csp_override

HEADERS = settings.SECURITY_HEADERS | {
    "Content-Security-Policy": build_policy(settings.SECURE_CSP),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Referrer-Policy": "same-origin",
    "Strict-Transport-Security": "max-age=3600",
    "X-Content-Type-Options": "nosniff",
}


@pytest.fixture
def https():
    """A browser on HTTPS, with the settings that a laptop lacks."""
    with override_settings(SECURE_HSTS_SECONDS=3600, SECURE_SSL_REDIRECT=True):
        yield Client(raise_request_exception=False, headers={"host": "127.0.0.1"})


def sent(answer):
    return {name: answer.headers.get(name) for name in HEADERS}


@pytest.mark.parametrize(
    "path, status",
    [("/admin/login/", 200), ("/robots.txt", 200), ("/admin", 301)]
    + [("/no-such-page", 404), ("/robots.txt?q=%00", 400)],
)
def test_every_page_has_them(https, path, status):
    answer = https.get(path, secure=True)
    assert answer.status_code == status
    assert sent(answer) == HEADERS


@pytest.mark.parametrize(
    "headers, status",
    [
        ({"host": "evil.example.com"}, 400),
        ({"transfer-encoding": "chunked"}, 411),
        ({"content-length": str(10**9)}, 413),
    ],
)
def test_what_is_refused_has_them(https, headers, status):
    answer = https.get("/robots.txt", headers=headers, secure=True)
    assert answer.status_code == status
    assert sent(answer) == HEADERS


@pytest.mark.parametrize("error", [PermissionDenied, SuspiciousOperation])
def test_a_view_that_refuses_has_them(https, broken, error):
    broken(error)
    assert sent(https.get("/page", secure=True)) == HEADERS


@pytest.mark.parametrize("error", [RuntimeError, OperationalError])
def test_a_page_that_broke_has_them_and_a_policy_of_its_own(https, broken, error):
    broken(error)
    headers = sent(https.get("/page", secure=True))
    policy = headers.pop("Content-Security-Policy")
    assert "; style-src 'self' 'sha256-" in policy
    kept = settings.SECURE_CSP.keys() - {"style-src"}
    assert all(f"{directive} " in policy for directive in kept)
    assert headers.items() <= HEADERS.items()


def test_plain_http_is_sent_to_https_without_hsts(https):
    answer = https.get("/robots.txt")
    assert answer.headers["Location"] == "https://127.0.0.1/robots.txt"
    assert sent(answer) == HEADERS | {"Strict-Transport-Security": None}


def test_browsers_that_know_no_policy_keep_pages_out_of_frames_too(https):
    assert https.get("/robots.txt", secure=True).headers["X-Frame-Options"] == "DENY"


def test_a_view_may_have_a_header_of_its_own(https, page):
    own = {"Cross-Origin-Resource-Policy": "same-site"}
    page(lambda request: HttpResponse(headers=own))
    answer = https.get("/page", secure=True)
    assert answer.headers["Cross-Origin-Resource-Policy"] == "same-site"


def test_the_policy_is_built_once_for_all_pages(https, monkeypatch):
    monkeypatch.setattr(csp, "build_policy", None)
    assert sent(https.get("/robots.txt", secure=True)) == HEADERS


def test_a_view_may_have_a_policy_of_its_own(https, page):
    override = csp_override({"default-src": [CSP.SELF]})
    page(override(lambda request: HttpResponse()))
    policy = https.get("/page", secure=True).headers["Content-Security-Policy"]
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


@pytest.mark.parametrize("empty", [{}, None])
def test_there_need_be_no_policy(empty):
    with override_settings(SECURE_CSP=empty):
        assert "Content-Security-Policy" not in Client().get("/robots.txt").headers


def test_cookies_are_bound_to_this_host_and_https(settings_of, production):
    settings = settings_of(**production)
    for name in ("SESSION", "CSRF"):
        assert settings[f"{name}_COOKIE_NAME"].startswith("__Host-")
        assert settings[f"{name}_COOKIE_SECURE"] is True


def test_a_form_sets_its_cookie_as_the_prefix_wants_it():
    name = "__Host-csrftoken"
    with override_settings(CSRF_COOKIE_NAME=name, CSRF_COOKIE_SECURE=True):
        cookie = Client().get("/admin/login/").cookies[name]
    assert cookie["secure"] and cookie["httponly"]
    assert (cookie["path"], cookie["domain"]) == ("/", "")
    assert cookie["samesite"] == "Lax"


def test_the_first_page_sets_no_cookie(https):
    assert not https.get("/robots.txt", secure=True).cookies
