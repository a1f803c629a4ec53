"""What proxies say about a client: its address, and whether it uses HTTPS."""

from contextlib import suppress
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


def is_https_list(environ: dict[str, Any]) -> bool:
    """Return whether the first of several trusted proxies was asked over HTTPS.

    Each adds to the header, and gunicorn takes the list "https,http" for HTTP.
    """
    first, *others = environ.get("HTTP_X_FORWARDED_PROTO", "").split(",")
    if others and first.strip() == "https":
        with suppress(ValueError):  # a Unix socket has no address
            peer = ip_address(environ.get("REMOTE_ADDR", ""))
            return any(peer in network for network in trusted)
    return False


def client_address(request: HttpRequest) -> str:
    """Return the address that a request came from, or its /64 network if it is IPv6.

    Over HTTPS that is the last address in X-Forwarded-For, which the router adds.
    settings.TRUSTED_HOPS (default 1) is the number of proxies that add one each.
    """
    forwarded = request.META.get("HTTP_X_FORWARDED_FOR", "").split(",")
    address = request.META.get("REMOTE_ADDR", "")
    hops = getattr(settings, "TRUSTED_HOPS", 1)
    # gunicorn believes that a request came over HTTPS only if a trusted proxy says so.
    if forwarded[0] and hops and request.is_secure():
        address = forwarded[-min(hops, len(forwarded))].strip()
    with suppress(ValueError):
        ip = ip_address(address)
        if ip.version == 6:
            # An IPv4 address on a socket for both; else a /64, which is one customer.
            return str(ip.ipv4_mapped or ip_network((ip, 64), strict=False))
    return address
