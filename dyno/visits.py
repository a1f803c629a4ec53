"""Visits to the site's own pages, before a release goes live."""

from collections.abc import Callable
from urllib.parse import urljoin, urlsplit

from django.conf import settings
from django.core.management.base import CommandError
from django.http import HttpResponse
from django.test import Client

from dyno import database

PAGES = ["/", "/no-such-page"]
REDIRECTS = 20  # browsers follow as many

FAILS = (
    "The page {} fails. {}. What was migrated stays migrated, and the release that was "
    "live stays live. Fix: correct it, commit and push; or, if this page needs data "
    "that is not there yet, RELEASE_VISITS = [] in settings.py  (docs/errors.md#pages)"
)


def visit(say: Callable[[str], None]) -> None:
    """Ask for each page and say its status; raise CommandError if one fails."""
    pages = getattr(settings, "RELEASE_VISITS", PAGES)
    if not pages:
        say("RELEASE_VISITS is empty, so no page is visited")
    for page in pages:
        try:
            status = answer(urljoin(f"https://{host()}", page)).status_code
        except Exception as error:  # the log has the traceback
            cause = " ".join([f"{type(error).__name__}:", *str(error).split()])
            raise CommandError(FAILS.format(page, cause[:300])) from None
        say(f"The page {page} answers {status}")


def host() -> str:
    """Return a host that is allowed; with the test client's own, each page is a 400."""
    name = [*settings.ALLOWED_HOSTS, "*"][0].replace("*", "localhost")
    return f"www{name}" if name.startswith(".") else name


def answer(url: str) -> HttpResponse:
    """Return a page, after the redirects on its host; raise what is the site's error.

    A 503 is none without a database, or if no view raised it, as in maintenance.
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
