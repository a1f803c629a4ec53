"""Static files: named after their content, and served by WhiteNoise before Django."""

import functools
import os
import re
from collections.abc import Callable, Iterable
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import unquote, urlsplit

from django.conf import settings
from whitenoise import WhiteNoise
from whitenoise.storage import CompressedManifestStaticFilesStorage

from dyno.middleware import security_headers

# As Django's manifest storage names files: site.0123456789ab.css.
HASHED = re.compile(r"\.([0-9a-f]{12})(\.[^/]*)?$")

# Files of up to so many bytes are answered from memory, up to so many answers: 32 MB.
KEPT_BYTES = 128 * 1024
KEPT_ANSWERS = 256

# The build goes on if a file of these kinds is missing: packages refer to source maps
# that they do not ship, and to modules that are already bundled.
MAY_BE_MISSING = {"", ".map", ".js", ".mjs"}

# "bytes=5-", "bytes=5-9" or "bytes=-5". Any other range gets the whole file.
RANGE = re.compile(r"bytes=(?:(\d{1,12})-(\d{0,12})|-([2-9]|[1-9]\d{1,12}))", re.ASCII)

# What makes WhiteNoise's answer to a GET other than the whole file.
SPECIAL = ("HTTP_RANGE", "HTTP_IF_NONE_MATCH", "HTTP_IF_MODIFIED_SINCE")


class ManifestStorage(CompressedManifestStaticFilesStorage):
    """WhiteNoise's storage, which looks up each URL once: they change by a deploy."""

    # `import "./lib.js"` then loads the hashed copy, the only one that is kept.
    support_js_module_import_aggregation = True

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.url = functools.cache(self.url)

    def hashed_name(self, name: str, content: Any = None, filename: Any = None) -> str:
        """Return the name with a hash; as it is if the file may be missing, and is."""
        path = urlsplit(unquote(name)).path.strip()
        may_be_missing = PurePosixPath(path).suffix in MAY_BE_MISSING
        if content is None and may_be_missing and not self.exists(path):
            return name
        return super().hashed_name(name, content, filename)


class StaticFiles:
    """WhiteNoise's WSGI wrapper, with small hashed files answered from memory."""

    def __init__(self, application: Callable[..., Iterable[bytes]]) -> None:
        self.application, self.small, self.sizes = application, set(), {}
        self.prefix = urlsplit(settings.STATIC_URL).path
        self.whitenoise = WhiteNoise(
            application,
            immutable_file_test=HASHED.pattern,
            add_headers_function=self.add_headers,
            # From a CDN, browsers load fonts and modules only with CORS.
            allow_all_origins=bool(urlsplit(settings.STATIC_URL).netloc),
        )
        roots = {settings.STATIC_ROOT: self.prefix}
        roots[getattr(settings, "WHITENOISE_ROOT", None)] = "/"
        for root, prefix in roots.items():
            if root and os.path.isdir(root):  # WhiteNoise would warn
                self.whitenoise.add_files(root, prefix)
        self.kept = functools.lru_cache(KEPT_ANSWERS)(self.ask)
        refusal = {"Allow": "GET, HEAD", "Content-Length": "0"}
        self.refusal = [*(refusal | security_headers(secure=True)).items()]

    def add_headers(self, headers: Any, path: str, url: str) -> None:
        """Add the headers of a page, and an ETag; WhiteNoise calls this at start."""
        for name, value in security_headers(secure=True).items():
            headers[name] = value
        self.sizes[url] = os.stat(path).st_size
        if match := HASHED.search(url):
            # Weak, since the compressed copies have it too.
            headers["ETag"] = f'W/"{match[1]}"'
            # A year is enough; WhiteNoise says ten.
            headers["Cache-Control"] = "max-age=31536000, immutable"
            if self.sizes[url] <= KEPT_BYTES:
                self.small.add(url)

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        if not path.startswith(self.prefix):
            return self.whitenoise(environ, start_response)
        if path == f"{self.prefix}staticfiles.json":  # the list of all files
            return self.application(environ, start_response)
        environ["dyno.static_file"] = True
        method = environ["REQUEST_METHOD"]
        if method not in ("GET", "HEAD"):
            start_response("405 Method Not Allowed", [*self.refusal])
            return []
        if "HTTP_RANGE" in environ:
            self.check_range(environ)
        is_whole = not any(name in environ for name in SPECIAL)
        if path in self.small and is_whole and method == "GET":
            accepted = environ["HTTP_ACCEPT_ENCODING"]
            status, headers, body = self.kept(path, accepted)
            start_response(status, [*headers])
            return [body]
        wanted, match = environ.get("HTTP_IF_NONE_MATCH", ""), HASHED.search(path)
        if match and (f'"{match[1]}"' in wanted or wanted.strip() == "*"):
            # WhiteNoise compares the whole header, which may be a list.
            environ["HTTP_IF_NONE_MATCH"] = f'W/"{match[1]}"'
        return self.whitenoise(environ, start_response)

    def check_range(self, environ: dict[str, Any]) -> None:
        """Leave a range to WhiteNoise only if it is one that it answers rightly.

        It refuses a single byte, without our headers, and overlooks If-Range.
        """
        match = RANGE.fullmatch(environ["HTTP_RANGE"])
        sound = match and "HTTP_IF_RANGE" not in environ
        if sound and not match[3]:
            last = self.sizes.get(environ["PATH_INFO"], 0) - 1
            sound = int(match[1]) < min(last, int(match[2] or last))
        if sound:
            environ["HTTP_ACCEPT_ENCODING"] = ""  # sizes are of the plain file
        else:
            del environ["HTTP_RANGE"]

    def ask(self, path: str, accepted: str) -> tuple[str, list[Any], bytes]:
        """Return WhiteNoise's answer to a GET: status, headers and body."""
        answer: list[Any] = []
        environ = {"REQUEST_METHOD": "GET", "PATH_INFO": path}
        environ["HTTP_ACCEPT_ENCODING"] = accepted
        body = self.whitenoise(environ, lambda *arguments: answer.extend(arguments))
        content = b"".join(body)
        body.close()
        return answer[0], answer[1], content


@functools.lru_cache(1_024)
def codings(accepted: str) -> str:
    """Return which codings a client accepts: Django and WhiteNoise overlook q=0."""
    refused = r"(br|gzip)\s*;\s*q\s*=\s*0(\.0*)?\s*(,|$)"
    left = re.sub(refused, "", accepted.lower())
    return ",".join(name for name in ("br", "gzip") if re.search(rf"\b{name}\b", left))
