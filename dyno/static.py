"""Static files: named after their content, and answered by WhiteNoise before Django."""

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

# WhiteNoise's settings for its middleware that are honoured here too, without prefix.
OPTIONS = ("max_age", "allow_all_origins", "charset", "mimetypes", "index_file")

# A missing file of these kinds, named by another file, is no reason to stop the build:
# packages name source maps that they do not ship, and modules that are bundled already.
MAY_BE_MISSING = {"", ".map", ".js", ".mjs"}

Answer = tuple[str, list[tuple[str, str]], bytes]


class ManifestStorage(CompressedManifestStaticFilesStorage):
    """WhiteNoise's storage, which looks up each URL once: they change by a deploy."""

    # `import "./lib.js"` then loads the hashed copy, the only one that is kept.
    support_js_module_import_aggregation = True

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.url = functools.cache(self.url)

    def hashed_name(self, name: str, content: Any = None, filename: Any = None) -> str:
        """Return the name with a hash; as it is if the file may be missing, and is."""
        if content is None:
            path = urlsplit(unquote(name)).path.strip()
            if PurePosixPath(path).suffix in MAY_BE_MISSING and not self.exists(path):
                return name
        return super().hashed_name(name, content, filename)


class StaticFiles:
    """WhiteNoise's WSGI wrapper, with small hashed files answered from memory."""

    def __init__(self, application: Callable[..., Iterable[bytes]]) -> None:
        self.application = application
        self.small: set[str] = set()
        # From a CDN, browsers load fonts, modules and manifests only with CORS.
        options = {"allow_all_origins": bool(urlsplit(settings.STATIC_URL).netloc)}
        for name in OPTIONS:
            if hasattr(settings, f"WHITENOISE_{name.upper()}"):
                options[name] = getattr(settings, f"WHITENOISE_{name.upper()}")
        self.whitenoise = WhiteNoise(
            application,
            immutable_file_test=HASHED.pattern,
            add_headers_function=self.add_headers,
            **options,
        )
        self.prefix = urlsplit(settings.STATIC_URL).path
        for root, prefix in (
            (settings.STATIC_ROOT, self.prefix),
            (getattr(settings, "WHITENOISE_ROOT", None), "/"),
        ):
            if root and os.path.isdir(root):  # WhiteNoise warns if it is not there
                self.whitenoise.add_files(root, prefix)
        self.kept = functools.lru_cache(KEPT_ANSWERS)(self.ask)
        refusal = {"Allow": "GET, HEAD", "Content-Length": "0"}
        self.refusal = [*(refusal | security_headers(secure=True)).items()]

    def add_headers(self, headers: Any, path: str, url: str) -> None:
        """Add the headers of each page, and an ETag; WhiteNoise calls this at start."""
        for name, value in security_headers(secure=True).items():
            headers[name] = value
        if match := HASHED.search(url):
            # Weak, since the compressed copies have it too.
            headers["ETag"] = f'W/"{match[1]}"'
            # A year is enough; WhiteNoise says ten.
            headers["Cache-Control"] = "max-age=31536000, immutable"
            if os.stat(path).st_size <= KEPT_BYTES:
                self.small.add(url)

    def __call__(
        self, environ: dict[str, Any], start_response: Callable[..., Any]
    ) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        if path in self.small and is_plain_get(environ):
            environ["dyno.static_file"] = True
            accepted = environ.get("HTTP_ACCEPT_ENCODING", "")
            status, headers, body = self.kept(path, codings(accepted))
            start_response(status, list(headers))
            return [body]
        known = path in self.whitenoise.files
        if known and environ["REQUEST_METHOD"] not in ("GET", "HEAD"):
            # WhiteNoise's own refusal has no headers of ours.
            start_response("405 Method Not Allowed", list(self.refusal))
            return []
        if path.startswith(self.prefix):
            environ["dyno.static_file"] = True
            if path == f"{self.prefix}staticfiles.json":  # a list of all files
                return self.application(environ, start_response)
            tidy(environ, path)
        return self.whitenoise(environ, start_response)

    def ask(self, path: str, accepted: str) -> Answer:
        """Return WhiteNoise's whole answer to a GET of a file."""
        answer: list[Any] = []
        environ = {"REQUEST_METHOD": "GET", "PATH_INFO": path}
        environ["HTTP_ACCEPT_ENCODING"] = accepted
        body = self.whitenoise(environ, lambda *arguments: answer.extend(arguments))
        status, headers = answer
        try:
            return status, headers, b"".join(body)
        finally:
            body.close()


def is_plain_get(environ: dict[str, Any]) -> bool:
    """Return whether a client asks for a whole file, whether or not it has it."""
    special = ("HTTP_RANGE", "HTTP_IF_NONE_MATCH", "HTTP_IF_MODIFIED_SINCE")
    return environ["REQUEST_METHOD"] == "GET" and not any(h in environ for h in special)


@functools.lru_cache(1024)
def codings(accepted: str) -> str:
    """Return which codings a client accepts; WhiteNoise overlooks q=0."""
    found = []
    for part in accepted.lower().split(","):
        name, _, parameters = (word.strip() for word in part.partition(";"))
        refused = re.fullmatch(r"q\s*=\s*0(\.0*)?", parameters)
        if name in ("br", "gzip") and not refused:
            found.append(name)
    return ",".join(sorted(found))


def tidy(environ: dict[str, Any], path: str) -> None:
    """Put two headers into the only form that WhiteNoise compares correctly."""
    accepted = environ.get("HTTP_ACCEPT_ENCODING")
    if accepted is not None:
        environ["HTTP_ACCEPT_ENCODING"] = codings(accepted)
    wanted, match = environ.get("HTTP_IF_NONE_MATCH"), HASHED.search(path)
    if wanted and match:
        tags = re.findall(r'"([^"]*)"', wanted)
        if wanted.strip() == "*" or match[1] in tags:
            environ["HTTP_IF_NONE_MATCH"] = f'W/"{match[1]}"'
