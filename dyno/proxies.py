"""What proxies say about a client: its address, and whether it uses HTTPS."""

from contextlib import suppress
from functools import lru_cache
from ipaddress import ip_address, ip_network
from typing import Any

from django.conf import settings
from django.http import HttpRequest

# gunicorn's forwarded_allow_ips, in each worker process.
trusted: list[Any] = []


def trust(addresses: list[str]) -> None:
    """Believe the proxies in gunicorn's forwarded_allow_ips."""
    names = [name.strip() for name in addresses if name.strip()]
    if "*" in names:
        names = ["0.0.0.0/0", "::/0"]
    trusted[:] = [ip_network(name) for name in names]
    is_trusted.cache_clear()


@lru_cache  # parsing an address takes longer than the rest
def is_trusted(peer: str) -> bool:
    """Return whether what the peer with this address says of a client is believed."""
    with suppress(ValueError):
        ip = ip_address(peer)
        return any(ip in network for network in trusted)
    return peer == ""  # on a Unix socket, where gunicorn trusts everyone, too


def visitor(addresses: str) -> str:
    """Return the visitor's address of those in X-Forwarded-For, or "".

    Each proxy adds one: the last ones, settings.TRUSTED_HOPS (default 1) of them, are
    the proxies' work, and what stands before them can be forged.
    """
    hops = getattr(settings, "TRUSTED_HOPS", 1)
    if hops:
        with suppress(ValueError):
            return str(ip_address(addresses.split(",")[-hops:][0].strip()))
    return ""


def believe_proxies(environ: dict[str, Any]) -> None:
    """Set a request's scheme and REMOTE_ADDR to what a trusted proxy says.

    The scheme is the first of a list, to which each proxy adds. Packages that read
    X-Forwarded-For find the same address in it, and the access log has the whole list
    from `dyno.forwarded_for`.
    """
    addresses = environ.get("HTTP_X_FORWARDED_FOR", "")
    if is_trusted(environ.get("REMOTE_ADDR", "")):
        scheme = environ.get("HTTP_X_FORWARDED_PROTO", "").partition(",")[0]
        # gunicorn takes a list, and "HTTPS", for HTTP.
        if scheme.strip().lower() == "https":
            environ["wsgi.url_scheme"] = "https"
        address = visitor(addresses)
        if address:
            environ["REMOTE_ADDR"] = address
    if addresses:
        environ["dyno.forwarded_for"] = addresses
        environ["HTTP_X_FORWARDED_FOR"] = environ.get("REMOTE_ADDR", "")


def client_address(request: HttpRequest, prefix: int = 64) -> str:
    """Return a request's address, or its network if it is IPv6: one customer's.

    Most customers have a /64, and many can get a /48, with 65,536 of those.
    """
    address = request.META.get("REMOTE_ADDR", "")
    with suppress(ValueError):
        ip = ip_address(address)
        if ip.version == 6:
            # An IPv4 address on a socket for both is written as an IPv6 one.
            return str(ip.ipv4_mapped or ip_network((ip, prefix), strict=False))
    return address
