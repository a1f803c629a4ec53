"""The WSGI application: /up and the static files, then Django behind a bulkhead."""

import io
import logging
from collections.abc import Callable, Iterable
from typing import Any

from django.conf import settings
from django.core import wsgi

from dyno import checks, logs
from dyno.body import PATIENTLY, QUICKLY, RequestBody, discard
from dyno.bulkhead import Bulkhead, Closing
from dyno.middleware import security_headers
from dyno.proxies import is_https_list
from dyno.static import StaticFiles, codings

Environ = dict[str, Any]
Application = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]

logger = logging.getLogger(__name__)

bulkhead = Bulkhead()

UP_HEADERS = {"Content-Type": "text/plain", "Content-Length": "3"}
BUSY = b"<!doctype html><title>Busy</title><h1>Please try again in a moment</h1>\n"
BUSY_HEADERS = {"Content-Type": "text/html", "Content-Length": str(len(BUSY))}


def get_wsgi_application() -> Application:
    """Return Django's WSGI application behind everything that this library adds.

    Exits with a message for each fault that the first visitor would otherwise see.
    """
    django = wsgi.get_wsgi_application()
    checks.refuse_to_boot()
    return FrontDoor(django)


class FrontDoor:
    """Answers /up and static files, and lets other requests through to Django."""

    def __init__(self, django: Application) -> None:
        self.django = django
        self.static_files = StaticFiles(self.enter)
        more = security_headers(secure=True) | {"Cache-Control": "no-store"}
        self.up_headers = [*(UP_HEADERS | more).items()]
        self.busy_headers = [*(BUSY_HEADERS | more | {"Retry-After": "10"}).items()]

    def __call__(self, environ: Environ, start_response: Any) -> Iterable[bytes]:
        sent_id = environ.get("HTTP_X_REQUEST_ID")
        environ["dyno.request_id"] = logs.clean_request_id(sent_id)
        if environ["PATH_INFO"] == "/up":
            discard(environ, QUICKLY)
            start_response("200 OK", [*self.up_headers])
            return [b"up\n"]
        accepted = codings(environ.get("HTTP_ACCEPT_ENCODING", ""))
        environ["HTTP_ACCEPT_ENCODING"] = accepted
        if is_https_list(environ):
            environ["wsgi.url_scheme"] = "https"
        # Over plain HTTP, Django redirects static files to HTTPS like every page.
        if environ["wsgi.url_scheme"] == "https" or not settings.SECURE_SSL_REDIRECT:
            return self.static_files(environ, start_response)
        return self.enter(environ, start_response)

    def enter(self, environ: Environ, start_response: Any) -> Iterable[bytes]:
        """Let a request through to Django as soon as the bulkhead has a place."""
        token = bulkhead.enter()
        if token is None:
            discard(environ, QUICKLY)
            start_response("503 Service Unavailable", [*self.busy_headers])
            return [BUSY]

        def leave() -> None:
            try:
                discard(environ, PATIENTLY)
            finally:
                logs.request_id.set("-")
                status = environ.get("dyno.status", "")
                bulkhead.leave(token, failed=status.startswith("503"))

        try:
            logs.request_id.set(environ["dyno.request_id"])
            return Closing(self.answer(environ, start_response), leave)
        except BaseException:
            leave()
            raise

    def answer(self, environ: Environ, start_response: Any) -> Iterable[bytes]:
        """Return Django's response, or a 400 if Django cannot read the request.

        It reads the Content-Type and, for some, the query before its own error handlers
        begin, so such a request is handed over again without them: see the middleware.
        """
        if environ.get("CONTENT_LENGTH", "").isdecimal():
            environ["dyno.input"] = environ["wsgi.input"]
            environ["wsgi.input"] = io.BufferedReader(RequestBody(environ))
        host = environ.get("HTTP_HOST", "")
        if host.startswith(".") or ".." in host:  # ".example.com" would allow it
            environ["HTTP_HOST"] = "-"

        def start(status: str, *arguments: Any) -> Any:
            environ["dyno.status"] = status
            return start_response(status, *arguments)

        try:
            return self.django(environ, start)
        except Exception as error:
            if "dyno.read" in environ:
                raise
            name = type(error).__name__
            logger.warning("Refused a request that Django could not read: %s", name)
        unread = {"CONTENT_TYPE": "", "QUERY_STRING": "", "HTTP_COOKIE": ""}
        environ |= unread | {"dyno.unreadable": True}
        return self.django(environ, start_response)
