"""The ASGI application: Django's, with the request's id, behind dyno's checks."""

import asyncio

import pytest
from django.test import override_settings

from dyno import asgi, logs

# The check of DATABASE_URL tries the driver out.
pytestmark = pytest.mark.django_db

ID = "3b241101-e2bb-4255-8caf-4136c566a962"


@pytest.fixture
def seen(monkeypatch):
    """The id of each request that reaches Django."""
    ids = []

    async def django(scope, receive, send):
        ids.append(logs.request_id.get())

    monkeypatch.setattr("django.core.asgi.get_asgi_application", lambda: django)
    return ids


def test_djangos_log_lines_have_the_routers_id(seen):
    application = asgi.get_asgi_application()
    for headers in ([(b"x-request-id", ID.encode())], [(b"x-request-id", b"a b")], []):
        asyncio.run(application({"type": "http", "headers": headers}, None, None))
    assert seen[0] == ID
    assert len({*seen}) == 3 and all(len(one) == 36 for one in seen)


def test_it_refuses_to_start_with_a_wrong_setting(seen):
    with override_settings(LOCAL=False, ALLOWED_HOSTS=[]), pytest.raises(SystemExit):
        asgi.get_asgi_application()


@pytest.mark.parametrize(
    "scheme, hops, address",
    [("https", 1, "203.0.113.7"), ("https", 0, "10.0.0.1"), ("http", 1, "10.0.0.1")],
)
def test_the_visitor_is_who_a_trusted_proxy_says(
    monkeypatch, settings, scheme, hops, address
):
    settings.TRUSTED_HOPS = hops
    scopes = []

    async def django(scope, receive, send):
        scopes.append(scope)

    monkeypatch.setattr("django.core.asgi.get_asgi_application", lambda: django)
    headers = [(b"x-forwarded-for", b"198.51.100.1, 203.0.113.7"), (b"host", b"a")]
    scope = {"scheme": scheme, "headers": headers, "client": ("10.0.0.1", 5)}
    asyncio.run(asgi.get_asgi_application()(scope, None, None))
    assert scopes[0]["client"][0] == address
    believed = dict(scopes[0]["headers"])[b"x-forwarded-for"] == address.encode()
    assert believed is (address == "203.0.113.7")
