"""The middleware that Django has no setting for."""

import re
from asyncio import CancelledError
from collections.abc import Callable

from django.conf import settings
from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponse
from django.middleware.gzip import GZipMiddleware
from django.shortcuts import render
from django.utils.cache import patch_vary_headers
from django.utils.csp import build_policy

GetResponse = Callable[[HttpRequest], HttpResponse]

# A shared cache, such as a CDN's, keeps a page only if its view says so.
CACHE_CONTROL = "max-age=0, private, must-revalidate"

# Django takes "gzip;q=0" for a yes.
GZIP_REFUSED = re.compile(r"gzip\s*;\s*q\s*=\s*0(\.0*)?\s*(,|$)", re.IGNORECASE)


def extra_headers() -> dict[str, str]:
    """Return settings.SECURITY_HEADERS, {} by default."""
    return getattr(settings, "SECURITY_HEADERS", {})


def security_headers(*, secure: bool) -> dict[str, str]:
    """Return the security headers of a page for what is answered before Django.

    `secure` says whether the request came over HTTPS, as browsers need for HSTS.
    """
    headers = {"X-Content-Type-Options": "nosniff", **extra_headers()}
    if policy := build_policy(settings.SECURE_CSP or {}):
        headers["Content-Security-Policy"] = policy
    if secure and settings.SECURE_HSTS_SECONDS:
        hsts = f"max-age={settings.SECURE_HSTS_SECONDS}"
        hsts += "; includeSubDomains" * settings.SECURE_HSTS_INCLUDE_SUBDOMAINS
        headers["Strict-Transport-Security"] = hsts + (
            "; preload" * settings.SECURE_HSTS_PRELOAD
        )
    return headers


def default_headers(get_response: GetResponse) -> GetResponse:
    """Add SECURITY_HEADERS and Cache-Control to each response that has none."""
    headers = {"Cache-Control": CACHE_CONTROL, **extra_headers()}

    def middleware(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        for name, value in headers.items():
            response.headers.setdefault(name, value)
        return response

    return middleware


class CompressPages(GZipMiddleware):
    """Django's compression, with its mitigation of BREACH, of texts of 1 kB or more.

    Not of streams: a download would lose its Content-Length.
    """

    LEAST_BYTES = 1_000
    TEXTS = re.compile(r"text/|application/(.*\+)?(json|xml|javascript)|image/svg")

    def process_response(
        self, request: HttpRequest, response: HttpResponse
    ) -> HttpResponse:
        """Compress the response if that is worth its time."""
        refused = GZIP_REFUSED.search(request.headers.get("Accept-Encoding", ""))
        if refused or response.status_code == 304:  # they vary as the page itself does
            patch_vary_headers(response, ["Accept-Encoding"])
            return response
        if response.streaming or len(response.content) < self.LEAST_BYTES:
            return response
        if not self.TEXTS.match(response.headers.get("Content-Type", "")):
            return response  # most other kinds are compressed already
        return super().process_response(request, response)


def refuse_bad_requests(get_response: GetResponse) -> GetResponse:
    """Refuse what the server and Django let through and a view could not survive.

    And turn what would end a thread, such as sys.exit() in a view, into a 500.
    """
    most = getattr(settings, "REQUEST_MAX_BYTES", 10 * 1024 * 1024)

    def middleware(request: HttpRequest) -> HttpResponse:
        environ = request.META
        if environ.get("dyno.unreadable"):
            raise BadRequest("A Content-Type or a query that cannot be read")
        query = environ.get("QUERY_STRING", "")
        cookies = "".join(request.COOKIES.values())
        if "%00" in query or "\0" in request.path_info + query + cookies:
            # PostgreSQL raises on it, which would be a 500.
            raise BadRequest("A NUL byte in the path, the query or a cookie")
        if environ.get("HTTP_TRANSFER_ENCODING"):
            # Django would see an empty body and answer 200.
            return render(request, "411.html", status=411)
        try:
            length = int(environ.get("CONTENT_LENGTH") or 0)
        except ValueError:
            raise BadRequest("A Content-Length that is not a number") from None
        if length > most:
            return render(request, "413.html", status=413)
        try:
            return get_response(request)
        except Exception:
            raise
        except CancelledError as error:
            if hasattr(request, "scope"):  # the ASGI server's own: the client has gone
                raise
            raise RuntimeError("A view was cancelled") from error
        except BaseException as error:
            raise RuntimeError(f"A view raised {type(error).__name__}") from error

    return middleware
