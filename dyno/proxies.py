"""What proxies say of a client: its address, and whether it uses HTTPS."""

import contextlib
import ipaddress
from typing import Any

from django.conf import settings
from django.http import HttpRequest

# gunicorn's forwarded_allow_ips, in each worker process; None means everybody.
trusted: list[Any] | None = []


def trust(addresses: str | list[str]) -> None:
    """Believe the proxies in gunicorn's forwarded_allow_ips."""
    global trusted
    names = addresses.split(",") if isinstance(addresses, str) else addresses
    names = [name.strip() for name in names if name.strip()]
    trusted = None if "*" in names else [ipaddress.ip_network(name) for name in names]


def is_https_list(environ: dict[str, Any]) -> bool:
    """Return whether the first of several trusted proxies was asked over HTTPS.

    Each adds to the header, and gunicorn takes the list "https,http" for HTTP.
    """
    schemes = environ.get("HTTP_X_FORWARDED_PROTO", "").split(",")
    if len(schemes) < 2 or schemes[0].strip() != "https":
        return False
    with contextlib.suppress(ValueError):  # a Unix socket has no address
        peer = trusted and ipaddress.ip_address(environ.get("REMOTE_ADDR", ""))
        return trusted is None or any(peer in network for network in trusted)
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
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return address
    if ip.version == 4:
        return address
    # An IPv4 address as a socket for both shows it; else a /64, which is one customer.
    return str(ip.ipv4_mapped or ipaddress.ip_network((ip, 64), strict=False))
