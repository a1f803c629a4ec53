"""The ASGI application: Django's, with the visitor's address, behind dyno's checks."""

import asyncio

import pytest
from django.test import override_settings

from dyno import asgi

# The check of DATABASE_URL tries the driver out.
pytestmark = pytest.mark.django_db


def test_it_refuses_to_start_with_a_wrong_setting():
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
