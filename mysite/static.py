"""Static files: named by their content, and answered by WhiteNoise before Django."""

import base64
import functools
import hashlib
from http import HTTPStatus
from pathlib import Path

from django.conf import settings
from django.contrib.staticfiles import finders
from whitenoise.base import WhiteNoise
from whitenoise.middleware import WhiteNoiseMiddleware
from whitenoise.responders import Response, SlicedFile, StaticFile
from whitenoise.storage import CompressedManifestStaticFilesStorage

from mysite.middleware import plain_headers

# Files of up to so many bytes are answered from memory, up to so many of them: 16 MB.
KEPT_BYTES = 128 * 1024
KEPT_FILES = 128


class Storage(CompressedManifestStaticFilesStorage):
    """WhiteNoise's storage, which looks each name up once: they change by a deploy."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        # Tests on a laptop need no `collectstatic`: they see the files as they are.
        self.live = settings.DEBUG or (settings.LOCAL and not self.hashed_files)
        if not self.live:
            self.url = functools.cache(self.url)
            self.integrity = functools.cache(self.integrity)

    def stored_name(self, name):
        return name if self.live else super().stored_name(name)

    def integrity(self, name):
        """Return what a browser holds the file called `name` against before it runs it.

        https://developer.mozilla.org/docs/Web/Security/Subresource_Integrity
        """
        path = finders.find(name) if self.live else self.path(self.stored_name(name))
        digest = hashlib.sha384(Path(path).read_bytes()).digest()
        return "sha384-" + base64.b64encode(digest).decode()


class OneByteFile(StaticFile):
    """WhiteNoise's file, which takes a range of one byte for an empty one."""

    def get_range_response(self, range_header, base_headers, file_handle):
        headers = dict(base_headers)
        size = int(headers["Content-Length"])
        start, end = self.get_byte_range(range_header, size)
        if start != end:
            return super().get_range_response(range_header, base_headers, file_handle)
        headers["Content-Range"] = f"bytes {start}-{end}/{size}"
        headers["Content-Length"] = "1"
        body = file_handle and SlicedFile(file_handle, start, end)
        return Response(HTTPStatus.PARTIAL_CONTENT, list(headers.items()), body)


@functools.lru_cache(maxsize=KEPT_FILES)
def contents(path):
    return Path(path).read_bytes()


class StaticFiles(WhiteNoiseMiddleware):
    """WhiteNoise with the settings of its middleware, to stand around a WSGI app."""

    def add_files(self, root, prefix=None):
        if self.autorefresh or Path(root).is_dir():
            super().add_files(root, prefix)

    def find(self, path):
        """Return the file at this URL path, or None."""
        return self.find_file(path) if self.autorefresh else self.files.get(path)

    def answer(self, file, environ, start_response):
        """Answer a WSGI request with the file, from memory if it is small and whole."""
        whole = environ["REQUEST_METHOD"] == "GET" and "HTTP_RANGE" not in environ
        if whole and isinstance(file, OneByteFile):  # and no redirect
            path, headers = file.get_path_and_headers(environ)
            if path in file.kept and not file.is_not_modified(environ):
                start_response("200 OK", headers)
                return [contents(path)]
        return WhiteNoise.serve(file, environ, start_response)

    def get_static_file(self, *args, **kwargs):
        file = super().get_static_file(*args, **kwargs)
        file.__class__ = OneByteFile
        file.kept = (
            set()
            if self.autorefresh
            else {
                path
                for _, path, headers in file.alternatives
                if int(dict(headers)["Content-Length"]) <= KEPT_BYTES
            }
        )
        return file

    def add_cache_headers(self, headers, path, url):
        """Add the headers that Django's middleware adds to a page as well."""
        super().add_cache_headers(headers, path, url)
        for name, value in self.security_headers.items():
            headers[name] = value

    @functools.cached_property
    def security_headers(self):
        """The same for each file, so made once for all of them."""
        security = plain_headers() | {"X-Content-Type-Options": "nosniff"}
        if settings.SECURE_HSTS_SECONDS:
            hsts = f"max-age={settings.SECURE_HSTS_SECONDS}"
            if settings.SECURE_HSTS_INCLUDE_SUBDOMAINS:
                hsts += "; includeSubDomains"
            if settings.SECURE_HSTS_PRELOAD:
                hsts += "; preload"
            security["Strict-Transport-Security"] = hsts
        return security
