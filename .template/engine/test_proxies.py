"""What proxies say of a client, and which of it is believed."""

import pytest
from django.test import RequestFactory

from dyno.proxies import believe_proxies, client_address

ROUTER = "10.0.0.1"


@pytest.fixture(autouse=True)
def router(trust):
    """The router is trusted, until a test says otherwise."""
    trust([ROUTER])


def believe(peer, **headers):
    """Return the environ of a request once its proxies were believed."""
    environ = {"wsgi.url_scheme": "http", "REMOTE_ADDR": peer}
    environ |= {f"HTTP_X_FORWARDED_{name}": text for name, text in headers.items()}
    believe_proxies(environ)
    return environ


@pytest.mark.parametrize(
    "peer, forwarded, address",
    [
        (ROUTER, "198.51.100.1, 192.0.2.1", "192.0.2.1"),
        (ROUTER, "2001:DB8::1:2:3:4", "2001:db8::1:2:3:4"),
        (ROUTER, "unknown", ROUTER),
        ("", "198.51.100.1, 192.0.2.1", "192.0.2.1"),  # a Unix socket
        ("198.51.100.9", "192.0.2.1", "198.51.100.9"),
        ("unix:", "192.0.2.1", "unix:"),
    ],
)
def test_the_router_is_believed_and_a_client_is_not(peer, forwarded, address):
    environ = believe(peer, FOR=forwarded)
    assert environ["REMOTE_ADDR"] == address
    # Packages that read the header find the same address in it.
    assert environ["HTTP_X_FORWARDED_FOR"] == address
    assert environ["dyno.forwarded_for"] == forwarded


def test_a_request_past_all_proxies_keeps_its_address_and_gets_no_header():
    assert believe(ROUTER) == {"wsgi.url_scheme": "http", "REMOTE_ADDR": ROUTER}


@pytest.mark.parametrize(
    "hops, address",
    [(0, ROUTER), (2, "192.0.2.2"), (9, "192.0.2.1")],
)
def test_as_many_proxies_are_believed_as_there_are(settings, hops, address):
    settings.TRUSTED_HOPS = hops
    environ = believe(ROUTER, FOR="192.0.2.1, 192.0.2.2, 192.0.2.3")
    assert environ["REMOTE_ADDR"] == environ["HTTP_X_FORWARDED_FOR"] == address


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
        (["10.0.0.0/8", "::1"], "10.1.2.3", "https,http", "https"),
        (["10.0.0.0/8", "::1"], "::1", "HTTPS , https", "https"),
        (["10.0.0.0/8"], "10.1.2.3", "http,https", "http"),
        (["*"], "2001:db8::1", "https,http", "https"),
        ([], "", "https,http", "https"),  # a Unix socket, as gunicorn has it
        ([], "192.0.2.1", "https", "http"),
    ],
)
def test_the_first_proxys_scheme_counts_if_the_last_proxy_is_trusted(
    trust, trusted, peer, schemes, scheme
):
    trust(trusted)
    assert believe(peer, PROTO=schemes)["wsgi.url_scheme"] == scheme
