"""The headers and cookies that browsers are told by what to allow."""

import pytest
from django.core.exceptions import PermissionDenied, SuspiciousOperation
from django.db import OperationalError
from django.middleware import csp
from django.test import Client, override_settings
from django.utils.csp import CSP
from django.views.decorators.csp import csp_override

from mysite import views

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "font-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "Cross-Origin-Embedder-Policy": "credentialless",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=()",
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
    [("/", 200), ("/admin/login/", 200), ("/robots.txt", 200), ("/admin", 301)]
    + [("/no-such-page", 404), ("/?q=%00", 400)],
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
    answer = https.get("/", headers=headers, secure=True)
    assert answer.status_code == status
    assert sent(answer) == HEADERS


@pytest.mark.parametrize("error", [PermissionDenied, SuspiciousOperation])
def test_a_view_that_refuses_has_them(https, monkeypatch, error):
    def fail(*args, **kwargs):
        raise error

    monkeypatch.setattr(views, "render", fail)
    assert sent(https.get("/", secure=True)) == HEADERS


@pytest.mark.parametrize("error", [RuntimeError, OperationalError])
def test_a_page_that_broke_has_them_and_a_policy_of_its_own(https, monkeypatch, error):
    def fail(*args, **kwargs):
        raise error

    monkeypatch.setattr(views, "render", fail)
    headers = sent(https.get("/", secure=True))
    policy = headers.pop("Content-Security-Policy")
    assert policy.startswith("default-src 'none'; ")
    assert (
        "; style-src 'self' 'sha256-" in policy and "; frame-ancestors 'none'" in policy
    )
    assert headers.items() <= HEADERS.items()


def test_plain_http_is_sent_to_https_without_hsts(https):
    answer = https.get("/")
    assert answer.headers["Location"] == "https://127.0.0.1/"
    assert sent(answer) == HEADERS | {"Strict-Transport-Security": None}


def test_browsers_that_know_no_policy_keep_pages_out_of_frames_too(https):
    assert https.get("/", secure=True).headers["X-Frame-Options"] == "DENY"


def test_a_view_may_have_a_header_of_its_own(https, monkeypatch):
    answer = views.HttpResponse(headers={"Cross-Origin-Resource-Policy": "same-site"})
    monkeypatch.setattr(views, "render", lambda *args: answer)
    answer = https.get("/", secure=True)
    assert answer.headers["Cross-Origin-Resource-Policy"] == "same-site"


def test_the_policy_is_built_once_for_all_pages(https, monkeypatch):
    monkeypatch.setattr(csp, "build_policy", None)
    assert sent(https.get("/", secure=True)) == HEADERS


def test_a_view_may_have_a_policy_of_its_own(https, monkeypatch):
    override = csp_override({"default-src": [CSP.SELF]})
    view = override(lambda *args: views.HttpResponse())
    monkeypatch.setattr(views, "render", view)
    policy = https.get("/", secure=True).headers["Content-Security-Policy"]
    assert policy == "default-src 'self'"


def test_a_nonce_that_a_page_uses_is_in_its_policy(monkeypatch):
    def render(request, *args):
        return views.HttpResponse(csp.get_nonce(request) if request.GET else "")

    monkeypatch.setattr(views, "render", render)
    with override_settings(SECURE_CSP={"script-src": [CSP.SELF, CSP.NONCE]}):
        client = Client()
        answer = client.get("/?nonce")
        policy = answer.headers["Content-Security-Policy"]
        assert policy == f"script-src 'self' 'nonce-{answer.text}'"
        policy = client.get("/").headers["Content-Security-Policy"]
        assert policy == "script-src 'self'"


@pytest.mark.parametrize("empty", [{}, None])
def test_there_need_be_no_policy(empty):
    with override_settings(SECURE_CSP=empty):
        assert "Content-Security-Policy" not in Client().get("/").headers


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
    assert not https.get("/", secure=True).cookies
