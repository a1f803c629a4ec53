"""Limits how often passwords can be guessed; each guess costs half a second of CPU."""

import hashlib
import logging
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.backends import BaseBackend, ModelBackend
from django.contrib.auth.signals import user_logged_in, user_login_failed
from django.core.cache import cache
from django.core.exceptions import PermissionDenied
from django.dispatch import receiver
from django.http import HttpRequest
from django.views.decorators.debug import sensitive_variables

from dyno.noise import OnceAMinute
from dyno.proxies import client_address

logger = logging.getLogger(__name__)
refusals = logger.getChild("refusals")
refusals.addFilter(OnceAMinute())

# The defaults of settings.LOGIN_ATTEMPTS, of settings.LOGIN_ATTEMPTS_FROM_ADDRESS,
# since an address may be that of a school or a CDN, and of settings.LOGIN_SECONDS.
ATTEMPTS = 10
ATTEMPTS_FROM_ADDRESS = 100
SECONDS = 5 * 60

REFUSED = "Log-in refused: many wrong passwords from %s"


def claim(name: str, attempts: int) -> str | None:
    """Return the cache key of one of the attempts left for `name`, or None.

    Each attempt is a key of its own, which is free again after LOGIN_SECONDS: every
    cache adds a key for one caller only, but some count two concurrent callers as one.
    """
    seconds = getattr(settings, "LOGIN_SECONDS", SECONDS)
    digest = hashlib.sha256(name.encode(errors="replace")).hexdigest()
    keys = [f"log-in-{digest}-{number}" for number in range(attempts)]
    taken = cache.get_many(keys)
    for key in keys:
        if key in taken:
            continue
        # A cache that is away adds no key, and returns none; then nobody is refused.
        if cache.add(key, True, seconds) or not cache.has_key(key):
            return key
    return None


class SlowedModelBackend(ModelBackend):
    """Django's backend, which stops checking passwords after too many wrong ones.

    The right password is then refused as well, and no hash is computed. Successful
    log-ins do not count. With a cache of local memory each process counts for
    itself; with Redis away nobody is refused.
    """

    # Django's own computes the hash without calling the method below.
    aauthenticate = BaseBackend.aauthenticate

    @sensitive_variables("password")
    def authenticate(
        self, request: HttpRequest | None, username=None, password=None, **kwargs: Any
    ) -> Any:
        """Return the user, or None; raise PermissionDenied after too many attempts.

        Django answers that as it answers a wrong password.
        """
        if request is None or password is None:
            return super().authenticate(request, username, password, **kwargs)
        account = username or kwargs.get(get_user_model().USERNAME_FIELD, "")
        address = client_address(request)
        most = getattr(settings, "LOGIN_ATTEMPTS", ATTEMPTS)
        of_all = getattr(settings, "LOGIN_ATTEMPTS_FROM_ADDRESS", ATTEMPTS_FROM_ADDRESS)
        network = client_address(request, prefix=48)
        limits = {f"{address} {account}": most, network: of_all}
        claims: list[str] = []
        for name, attempts in limits.items():
            key = claim(name, attempts)
            if key is None:
                cache.delete_many(claims)  # what is refused counts for nobody
                refusals.warning(REFUSED, address)
                raise PermissionDenied
            claims.append(key)
        user = super().authenticate(request, username, password, **kwargs)
        if user is not None:
            cache.delete_many(claims)
        return user


@receiver(user_logged_in)
def log_success(request: HttpRequest | None, user: Any, **kwargs: Any) -> None:
    """Log who logged in, and from where."""
    if request:
        address = client_address(request)
        logger.info("%s logged in from %s", user.get_username(), address)


@receiver(user_login_failed)
def log_failure(
    credentials: dict[str, Any], request: HttpRequest | None = None, **kwargs: Any
) -> None:
    """Log which account was tried, and from where. Django hides the password."""
    names = ("username", "email", get_user_model().USERNAME_FIELD)
    account = next((credentials[name] for name in names if name in credentials), None)
    if request:
        address = client_address(request)
        logger.warning("A log-in as %.200s failed from %s", account, address)
