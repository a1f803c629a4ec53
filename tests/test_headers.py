"""The security headers: each page must send what the settings define."""

import pytest
from django.core.exceptions import PermissionDenied
from django.http import HttpResponse
from django.utils.csp import build_policy


def fine(request):
    return HttpResponse()


def forbidden(request):
    raise PermissionDenied


def broken(request):
    raise RuntimeError


@pytest.mark.parametrize("view", [fine, forbidden, broken])
def test_each_page_has_the_headers_of_the_settings(visitor, page, settings, view):
    headers = visitor.get(page(view)).headers
    policy = headers.get("Content-Security-Policy", "")
    assert policy == build_policy(settings.SECURE_CSP or {})
    for name, value in settings.SECURITY_HEADERS.items():
        assert headers[name] == value
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == settings.X_FRAME_OPTIONS


def test_browsers_are_told_for_how_long_to_insist_on_https(visitor, page, settings):
    settings.SECURE_HSTS_SECONDS = 60
    headers = visitor.get(page(fine), secure=True).headers
    assert headers["Strict-Transport-Security"].startswith("max-age=60")


def test_plain_http_is_redirected_to_https(client, page, settings):
    settings.SECURE_SSL_REDIRECT = True
    answer = client.get(page(fine))
    assert answer.status_code == 301
    assert answer.headers["Location"].startswith("https://")


def test_no_shared_cache_keeps_a_page(visitor, page):
    assert "private" in visitor.get(page(fine)).headers["Cache-Control"]


def test_a_page_sets_no_cookie_unless_it_needs_one(visitor, page):
    assert not visitor.get(page(fine)).cookies
