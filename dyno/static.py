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

Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]

# As Django's manifest storage names files: site.0123456789ab.css.
HASHED = re.compile(r"\.([0-9a-f]{12})(\.[^/]*)?$")

# Small files with a hash are answered from memory, up to 32 MB: WhiteNoise, which reads
# them from the disk, takes a fifth more CPU.
KEPT_BYTES = 128 * 1024
KEPT_ANSWERS = 256

# The build goes on if a file of these kinds is missing: packages refer to source maps
# that they do not ship, and to modules that are already bundled.
MAY_BE_MISSING = {"", ".map", ".js", ".mjs"}

# What makes WhiteNoise's answer to a GET other than the whole file.
SPECIAL = ("HTTP_RANGE", "HTTP_IF_NONE_MATCH", "HTTP_IF_MODIFIED_SINCE")


class ManifestStorage(CompressedManifestStaticFilesStorage):
    """WhiteNoise's storage, which looks up each URL once: they change by a deploy."""

    # `import "./lib.js"` then loads the hashed copy, which browsers keep for good.
    support_js_module_import_aggregation = True

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.url = functools.cache(self.url)
        if getattr(settings, "LOCAL", False):  # only bin/run collects the files there
            self.manifest_strict = False

    def hashed_name(self, name: str, content: Any = None, filename: Any = None) -> str:
        """Return the name with a hash; as it is if the file may be missing, and is."""
        path = urlsplit(unquote(name)).path.strip()
        may_be_missing = PurePosixPath(path).suffix in MAY_BE_MISSING
        if not self.manifest_strict:
            may_be_missing = True
        if content is None and may_be_missing and not self.exists(path):
            return name
        return super().hashed_name(name, content, filename)


class StaticFiles(WhiteNoise):
    """WhiteNoise's WSGI application, with the security headers of pages."""

    def __init__(self, application: Application) -> None:
        super().__init__(
            application,
            immutable_file_test=HASHED.pattern,
            add_headers_function=self.add_headers,
            # From a CDN, browsers load fonts and modules only with CORS.
            allow_all_origins=bool(urlsplit(settings.STATIC_URL).netloc),
        )
        self.prefix = urlsplit(settings.STATIC_URL).path
        self.security_headers = security_headers()
        self.small: set[str] = set()
        self.kept = functools.lru_cache(KEPT_ANSWERS)(self.ask)
        if settings.STATIC_ROOT and os.path.isdir(settings.STATIC_ROOT):
            self.add_files(settings.STATIC_ROOT, self.prefix)
        if getattr(settings, "WHITENOISE_ROOT", None):
            self.add_files(settings.WHITENOISE_ROOT)

    def add_headers(self, headers: Any, path: str, url: str) -> None:
        """Add the headers of a page; WhiteNoise calls this for each file at start."""
        for name, value in self.security_headers.items():
            headers[name] = value
        match = HASHED.search(url)
        if match:
            # Weak, since the compressed copies have it too.
            headers["ETag"] = f'W/"{match[1]}"'
            if os.path.getsize(path) <= KEPT_BYTES:
                self.small.add(url)

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        if path.startswith(self.prefix):
            environ["dyno.static_file"] = True
        is_whole = not any(name in environ for name in SPECIAL)
        if path in self.small and is_whole and environ["REQUEST_METHOD"] == "GET":
            accepted = environ.get("HTTP_ACCEPT_ENCODING", "")
            status, headers, body = self.kept(path, accepted)
            start_response(status, [*headers])
            return [body]
        return super().__call__(environ, start_response)

    def ask(self, path: str, accepted: str) -> tuple[str, list[Any], bytes]:
        """Return WhiteNoise's answer to a GET: status, headers and body."""
        answer: list[Any] = []
        environ = {
            "REQUEST_METHOD": "GET",
            "PATH_INFO": path,
            "HTTP_ACCEPT_ENCODING": accepted,
        }
        body = super().__call__(environ, lambda *arguments: answer.extend(arguments))
        content = b"".join(body)
        body.close()
        return answer[0], answer[1], content
