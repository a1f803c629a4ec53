"""What proxies say of a client, and which of it is believed."""

import asyncio

import pytest
from django.test import RequestFactory

from dyno import asgi, proxies
from dyno.proxies import believe_proxies, client_address

ROUTER = "10.0.0.1"


@pytest.fixture(autouse=True)
def router_is_trusted():
    """Trust the router alone, and nobody after a test, as before it."""
    proxies.trust([ROUTER])
    yield
    proxies.trust([])


def believe(peer, **headers):
    """Return the environ of a request once its proxies were believed."""
    environ = {"wsgi.url_scheme": "http", "REMOTE_ADDR": peer}
    environ |= {f"HTTP_X_FORWARDED_{name}": text for name, text in headers.items()}
    believe_proxies(environ)
    return environ


@pytest.mark.parametrize(
    "peer, forwarded, hops, address",
    [
        (ROUTER, "198.51.100.1, 192.0.2.1", 1, "192.0.2.1"),
        (ROUTER, "198.51.100.1, 192.0.2.1, 192.0.2.2", 2, "192.0.2.1"),
        (ROUTER, "198.51.100.1", 0, ROUTER),
        (ROUTER, "unknown", 1, ROUTER),
        ("", "198.51.100.1, 192.0.2.1", 1, "192.0.2.1"),  # a Unix socket
        ("198.51.100.9", "192.0.2.1", 1, "198.51.100.9"),
    ],
)
def test_as_many_proxies_are_believed_as_there_are_and_no_client(
    settings, peer, forwarded, hops, address
):
    settings.TRUSTED_HOPS = hops
    environ = believe(peer, FOR=forwarded)
    assert environ["REMOTE_ADDR"] == address
    # Packages that read the header find the same address in it.
    assert environ["HTTP_X_FORWARDED_FOR"] == address
    assert environ["dyno.forwarded_for"] == forwarded


def test_a_request_past_all_proxies_keeps_its_address_and_gets_no_header():
    assert believe(ROUTER) == {"wsgi.url_scheme": "http", "REMOTE_ADDR": ROUTER}


@pytest.mark.parametrize(
    "address, counted",
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:10.0.0.1", "10.0.0.1"),
        ("2001:db8::1:2:3:4", "2001:db8::/64"),
        ("", ""),
    ],
)
def test_an_ipv6_address_counts_as_its_network(address, counted):
    request = RequestFactory().post("/", REMOTE_ADDR=address)
    assert client_address(request) == counted


@pytest.mark.parametrize(
    "trusted, peer, schemes, scheme",
    [
        (["10.0.0.0/8"], ROUTER, "HTTPS , https", "https"),
        (["10.0.0.0/8"], ROUTER, "http,https", "http"),
        (["*"], "2001:db8::1", "https,http", "https"),
    ],
)
def test_the_first_proxys_scheme_counts_if_the_last_proxy_is_trusted(
    trusted, peer, schemes, scheme
):
    proxies.trust(trusted)
    assert believe(peer, PROTO=schemes)["wsgi.url_scheme"] == scheme


@pytest.mark.django_db  # the check of DATABASE_URL tries the driver out
@pytest.mark.parametrize(
    "scheme, hops, address",
    [("https", 1, "203.0.113.7"), ("https", 0, ROUTER), ("http", 1, ROUTER)],
)
def test_under_asgi_the_visitor_is_who_a_trusted_proxy_says(
    monkeypatch, settings, scheme, hops, address
):
    settings.TRUSTED_HOPS = hops
    seen = {}

    async def django(scope, receive, send):
        seen.update(scope)

    monkeypatch.setattr("django.core.asgi.get_asgi_application", lambda: django)
    headers = [(b"x-forwarded-for", b"198.51.100.1, 203.0.113.7")]
    scope = {"scheme": scheme, "headers": headers, "client": (ROUTER, 5)}
    asyncio.run(asgi.get_asgi_application()(scope, None, None))
    assert seen["client"][0] == address
    believed = [(b"x-forwarded-for", address.encode())]
    assert (seen["headers"] == believed) is (address != ROUTER)
