"""Slows down those who guess passwords: each guess costs half a second of CPU."""

import hashlib
import ipaddress
import logging
import time

from django.contrib.auth.backends import BaseBackend, ModelBackend
from django.core.cache import cache
from django.core.exceptions import PermissionDenied
from django.views.decorators.debug import sensitive_variables

from mysite.logs import OnceAMinute

logger = logging.getLogger(__name__)
logger.addFilter(OnceAMinute())

# So many wrong passwords, from one address, in so many seconds.
ATTEMPTS = 10
SECONDS = 5 * 60


def client_address(request):
    """Return the address that a request came from, or its network where that is IPv6.

    Where HTTPS is, the last address in X-Forwarded-For is the router's word: gunicorn
    speaks no HTTPS itself, and believes a trusted peer alone that a request came by it.
    """
    forwarded = request.META.get("HTTP_X_FORWARDED_FOR")
    address = request.META.get("REMOTE_ADDR", "")
    if forwarded and request.is_secure():
        address = forwarded.rpartition(",")[2].strip()
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return address
    if ip.version == 4:
        return address
    # An IPv4 address as a socket for both shows it; else a /64, which is one customer.
    return str(ip.ipv4_mapped or ipaddress.ip_network((ip, 64), strict=False))


def claim(address):
    """Return the cache key of one attempt, or None where none is left.

    Each is a key of its own, since every cache adds a key for one caller alone, but
    some count two callers as one.
    """
    name = f"{address} {time.time() // SECONDS}"
    name = hashlib.sha256(name.encode()).hexdigest()
    keys = [f"log-in-{name}-{number}" for number in range(ATTEMPTS)]
    taken = cache.get_many(keys)
    for key in keys:
        if key not in taken and cache.add(key, True, SECONDS):
            return key
    # A cache that is away, and so neither adds nor has any, keeps nobody out.
    return None if len(cache.get_many(keys)) == ATTEMPTS else keys[0]


class SlowedModelBackend(ModelBackend):
    """Django's backend, but it stops listening to an address that keeps guessing.

    In five minutes by the clock an address has ten wrong passwords, however many it
    tries at once. More of them, and right ones too, are refused without a word on why
    and without computing a hash. A right password does not count.

    By address and not by name, or anyone could lock out the owner. With a cache of
    local memory each process counts for itself; with Redis away nobody is refused.
    A few lines on Django's cache do it: the libraries for it bring tables, middleware
    and settings of their own.
    """

    # Django's own computes the hash in a way around the method below.
    aauthenticate = BaseBackend.aauthenticate

    @sensitive_variables("password")
    def authenticate(self, request, username=None, password=None, **kwargs):
        """Return the user, or None; raise PermissionDenied where there were too many.

        Django answers that as it answers a wrong password.
        """
        if request is None or password is None:
            return super().authenticate(request, username, password, **kwargs)
        address = client_address(request)
        attempt = claim(address)
        if attempt is None:
            minutes = SECONDS // 60
            logger.warning(
                "Log-in from %s refused: %s wrong passwords within %s minutes",
                address,
                ATTEMPTS,
                minutes,
            )
            raise PermissionDenied
        user = super().authenticate(request, username, password, **kwargs)
        if user is not None:
            cache.delete(attempt)
        return user
