"""A client of the whole WSGI application, without a server."""

import io

from django.core.handlers.wsgi import WSGIHandler
from django.core.signals import request_finished, request_started
from django.db import close_old_connections

from dyno.wsgi import FrontDoor


def environ(path, **more):
    """Return the WSGI environ of a GET request."""
    return {
        "REQUEST_METHOD": "GET",
        "PATH_INFO": path,
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "8000",
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(),
        **more,
    }


def get(path, application=None, **more):
    """Send a request through dyno.wsgi; return status, headers and body."""
    answer = {}

    def start_response(status, headers):
        answer.update(status=int(status[:3]), headers=dict(headers))

    application = application or FrontDoor(WSGIHandler())
    # As in Django's own test client: the connection of the tests must stay open.
    signals = (request_started, request_finished)
    for signal in signals:
        signal.disconnect(close_old_connections)
    try:
        parts = application(environ(path, **more), start_response)
        body = b"".join(parts)
        if hasattr(parts, "close"):
            parts.close()
    finally:
        for signal in signals:
            signal.connect(close_old_connections)
    return answer["status"], answer["headers"], body
