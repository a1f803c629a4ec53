"""What proxies say of a client, and which of it is believed."""

import pytest
from django.test import RequestFactory

from dyno import proxies
from dyno.proxies import client_address, is_https_list


def request_from(address, forwarded=None, secure=True):
    headers = {"x-forwarded-for": forwarded} if forwarded else {}
    return RequestFactory().post(
        "/", REMOTE_ADDR=address, headers=headers, secure=secure
    )


@pytest.mark.parametrize(
    "request_, address",
    [
        (request_from("10.0.0.1", "198.51.100.1, 192.0.2.1"), "192.0.2.1"),
        (request_from("10.0.0.1", "198.51.100.1", secure=False), "10.0.0.1"),
        (request_from("10.0.0.1"), "10.0.0.1"),
        (request_from("::ffff:10.0.0.1"), "10.0.0.1"),
        (request_from("10.0.0.1", "2001:db8::1:2:3:4"), "2001:db8::/64"),
        (request_from("10.0.0.1", "unknown"), "unknown"),
        (request_from(""), ""),
    ],
)
def test_the_router_is_believed_and_a_client_is_not(request_, address):
    assert client_address(request_) == address


@pytest.mark.parametrize(
    "hops, address",
    [(0, "10.0.0.1"), (1, "192.0.2.3"), (2, "192.0.2.2"), (9, "192.0.2.1")],
)
def test_as_many_proxies_are_believed_as_there_are(settings, hops, address):
    settings.TRUSTED_HOPS = hops
    request = request_from("10.0.0.1", "192.0.2.1, 192.0.2.2, 192.0.2.3")
    assert client_address(request) == address


@pytest.fixture
def trust(monkeypatch):
    monkeypatch.setattr(proxies, "trusted", [])
    return proxies.trust


def list_from(address, schemes):
    environ = {"REMOTE_ADDR": address, "HTTP_X_FORWARDED_PROTO": schemes}
    return is_https_list(environ)


@pytest.mark.parametrize("addresses", [["10.0.0.0/8", "::1"], ["*"]])
def test_the_first_proxys_scheme_counts_if_the_last_proxy_is_trusted(trust, addresses):
    trust(addresses)
    assert list_from("10.1.2.3", "https,http")
    assert list_from("::1", "https , https")
    assert not list_from("10.1.2.3", "http,https")


def test_one_scheme_is_left_to_gunicorn(trust):
    trust(["*"])
    assert not list_from("10.1.2.3", "https")
    assert not is_https_list({})


@pytest.mark.parametrize("address", ["192.0.2.1", "", "unix:"])
def test_a_peer_that_is_not_trusted_is_not_believed(trust, address):
    assert not list_from(address, "https,http")
    trust(["10.0.0.0/8"])
    assert not list_from(address, "https,http")
