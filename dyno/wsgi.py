"""The WSGI application: /up and the static files, then Django."""

import io
from collections.abc import Iterable
from typing import Any

from django.conf import settings
from django.core import wsgi
from django.core.exceptions import BadRequest
from django.db import close_old_connections

from dyno import checks, logs
from dyno.middleware import security_headers
from dyno.proxies import believe_proxies
from dyno.static import Application, StaticFiles

Environ = dict[str, Any]

UP = b"up\n"
UP_HEADERS = {
    "Content-Type": "text/plain",
    "Content-Length": str(len(UP)),
    "Cache-Control": "no-store",
}


def get_wsgi_application() -> Application:
    """Return Django's WSGI application behind everything that this library adds.

    Exits with a message for each fault that the first visitor would otherwise see.
    """
    django = wsgi.get_wsgi_application()
    checks.refuse_to_boot()
    return FrontDoor(django)


class FrontDoor:
    """Answers /up and static files, and hands other requests to Django.

    It reads no body and closes no connection: gunicorn does both.
    """

    def __init__(self, django: Application) -> None:
        self.django = django
        self.static_files = StaticFiles(self.ask_django)
        self.up_headers = [*(UP_HEADERS | security_headers()).items()]

    def __call__(self, environ: Environ, start_response: Any) -> Iterable[bytes]:
        sent_id = environ.get("HTTP_X_REQUEST_ID")
        environ["dyno.request_id"] = logs.clean_request_id(sent_id)
        believe_proxies(environ)
        if environ["PATH_INFO"] == "/up":
            start_response("200 OK", [*self.up_headers])
            return [UP]
        # Over plain HTTP, Django redirects static files to HTTPS like every page.
        if environ["wsgi.url_scheme"] == "https" or not settings.SECURE_SSL_REDIRECT:
            return self.static_files(environ, start_response)
        return self.ask_django(environ, start_response)

    def ask_django(self, environ: Environ, start_response: Any) -> Iterable[bytes]:
        """Return Django's response, whose log lines have the id of the request."""
        logs.request_id.set(environ["dyno.request_id"])
        length = environ.get("CONTENT_LENGTH", "")
        if length.isdecimal():
            body = WholeBody(environ["wsgi.input"], int(length))
            environ["wsgi.input"] = io.BufferedReader(body)
        response = self.django(environ, start_response)
        # Django does this once the response is sent. A stream, or a client that reads
        # slowly, would hold a connection of the pool until then.
        close_old_connections()
        return response


class WholeBody(io.RawIOBase):
    """A request's body as a file that raises BadRequest, a 400, if it ends too early.

    gunicorn returns what came before the client hung up, and Django parses that, so a
    view would take half a form for the whole form.
    """

    def __init__(self, stream: Any, length: int) -> None:
        self.stream = stream
        self.left = length

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        """Read into the buffer; return how many bytes, 0 at the end of the body."""
        wanted = min(len(buffer), self.left)
        try:
            data = self.stream.read(wanted)
        except OSError as error:
            raise BadRequest("The client was silent or lost within a body") from error
        if len(data) < wanted:
            raise BadRequest("The body ended before its Content-Length")
        buffer[:wanted] = data
        self.left -= wanted
        return wanted
