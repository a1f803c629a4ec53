"""Visits to the site's own pages, before a release goes live."""

import faulthandler
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Any
from urllib.parse import urljoin, urlsplit

from django.conf import settings
from django.core.management.base import CommandError
from django.http import HttpRequest, HttpResponse
from django.test import Client, override_settings
from django.urls import NoReverseMatch, reverse
from django.utils import translation

from dyno import database

SECONDS = 30  # Heroku's router waits as long for a page
REDIRECTS = 20  # browsers follow as many

FAILS = (
    "The page {} fails. {}. After a release, what it migrated stays migrated, and the "
    "release that was live stays live. Fix: correct it, commit and push; or, if this "
    "page needs data that is not there yet, RELEASE_VISITS = [] in settings.py  "
    "(docs/errors.md#pages)"
)


def visit(say: Callable[[str], None]) -> None:
    """Ask for each page and say its status; raise CommandError if one fails."""
    pages = addresses()
    if not pages:
        say("RELEASE_VISITS is empty, so no page is visited")
    signal.signal(signal.SIGALRM, time_out)
    for page in pages:
        signal.alarm(SECONDS)
        try:
            # Nobody is mailed an error that no visitor has seen.
            with override_settings(ADMINS=[]):
                status = answer(urljoin(f"https://{host()}", page)).status_code
        except (Exception, SystemExit) as error:
            cause = f"{type(error).__name__}: {' '.join(str(error).split())}"
            raise CommandError(FAILS.format(page, cause)) from None
        finally:
            signal.alarm(0)
        say(f"The page {page} answers {status}")


def addresses() -> list[str]:
    """Return settings.RELEASE_VISITS; without a database, by default the home page."""
    default = ["/"]
    if database.attached():
        default.append("/no-such-page")
        language = translation.get_language_from_request(HttpRequest())
        with suppress(NoReverseMatch), translation.override(language):
            default.append(reverse("admin:login"))
    return getattr(settings, "RELEASE_VISITS", default)


def host() -> str:
    """Return a host that is allowed; with the test client's own, each page is a 400."""
    name = [*settings.ALLOWED_HOSTS, "*"][0].replace("*", "localhost")
    return f"www{name}" if name.startswith(".") else name


def answer(url: str) -> HttpResponse:
    """Return a page, after the redirects on its host; raise what is the site's error.

    A 503 is not one without a database, or if no view raised it, as in maintenance.
    """
    site = urlsplit(url).netloc
    headers = {"host": site, "user-agent": "manage.py release"}
    headers |= {"x-forwarded-for": "127.0.0.1", "x-forwarded-proto": "https"}
    client = Client(raise_request_exception=False, headers=headers)
    for _ in range(REDIRECTS):
        response = client.get(url, secure=True)
        status = response.status_code
        if response.exc_info and (status != 503 or database.attached()):
            raise response.exc_info[1]
        if status >= 500 and status != 503:
            raise RuntimeError(f"It answers {status}")
        url = urljoin(url, response.get("Location", ""))
        if not response.has_header("Location") or urlsplit(url).netloc != site:
            return response
    raise RuntimeError(f"It redirects more than {REDIRECTS} times")


def time_out(*args: Any) -> None:
    """End a page that takes too long, and print where; no view catches SystemExit."""
    faulthandler.dump_traceback(all_threads=False)
    sys.exit(f"It takes longer than {SECONDS} s")
