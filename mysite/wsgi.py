"""
The WSGI application that gunicorn.conf.py names: /up and the static files, which need
nothing of Django and cost a fifth of a page this way, and Django around the rest.

https://docs.djangoproject.com/en/6.1/howto/deployment/wsgi/
"""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mysite.settings")

site = get_wsgi_application()

from django.conf import settings  # noqa: E402
from django.core.exceptions import BadRequest  # noqa: E402
from whitenoise.string_utils import decode_path_info  # noqa: E402

from mysite import checks, logs  # noqa: E402
from mysite.static import StaticFiles  # noqa: E402

# A host without a release phase learns here what is wrong, before its first visitor.
checks.refuse_to_boot()

static_files = StaticFiles(get_response=None)

UP_HEADERS = [("Content-Type", "text/plain"), ("Content-Length", "3")]


class WholeBody:
    """A request's body, which the server gives to the view even where it is cut short.

    A view would take the half of a form for the form. Raises BadRequest, so a 400.
    """

    def __init__(self, environ):
        self.body, self.left = environ["wsgi.input"], int(environ["CONTENT_LENGTH"])

    def read(self, size):
        return self.checked(self.body.read, size, min(size, self.left))

    def readline(self, size):
        return self.checked(self.body.readline, size, min(1, self.left))

    def checked(self, read, size, least):
        try:
            data = read(size)
        except OSError:  # the client is silent, or gone
            data = b""
        if len(data) < least:
            raise BadRequest("The body ended before its Content-Length")
        self.left -= len(data)
        return data


def application(environ, start_response):
    """Answer a WSGI request."""
    request_id = logs.clean_request_id(environ.get("HTTP_X_REQUEST_ID"))
    environ["REQUEST_ID"] = request_id
    logs.request_id.set(request_id)
    path = decode_path_info(environ["PATH_INFO"])
    if path == "/up":
        start_response("200 OK", UP_HEADERS)
        return [b"up\n"]
    # Over plain HTTP Django answers instead, with the redirect to HTTPS.
    if environ["wsgi.url_scheme"] == "https" or not settings.SECURE_SSL_REDIRECT:
        file = static_files.find(path)
        if file is not None:
            return static_files.answer(file, environ, start_response)
    if environ.get("CONTENT_LENGTH", "").isdecimal():
        environ["wsgi.input"] = WholeBody(environ)
    return site(environ, start_response)
