"""What a visitor gets."""

import pytest
from django.core.exceptions import PermissionDenied
from django.http import HttpResponse
from django.urls import NoReverseMatch, reverse

# For each test, since a middleware may query a database for every page.
pytestmark = pytest.mark.django_db(databases="__all__")


def fine(request):
    return HttpResponse()


def forbidden(request):
    raise PermissionDenied


def broken(request):
    raise RuntimeError


@pytest.mark.parametrize("name", ["home", "robots", "favicon", "up", "admin:login"])
def test_a_page_of_the_site_is_answered(client, name):
    try:
        url = reverse(name)
    except NoReverseMatch:
        pytest.skip(f"This site has no {name}")
    assert client.get(url).status_code < 500


@pytest.mark.parametrize("view, status", [(fine, 200), (forbidden, 403), (broken, 500)])
def test_a_page_has_its_status_and_the_security_headers(
    answer, client, settings, view, status
):
    client.raise_request_exception = False  # a visitor gets the page of the error
    response = answer(view)
    assert response.status_code == status
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    for name in getattr(settings, "SECURITY_HEADERS", {}):
        assert name in response.headers
    if settings.SECURE_CSP:
        assert "Content-Security-Policy" in response.headers
