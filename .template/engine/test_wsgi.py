"""What the WSGI application answers before Django: /up and static files.

The static files are those of a real `collectstatic`.
"""

import re

import pytest
from django.core.handlers.wsgi import WSGIHandler
from django.core.management import call_command
from django.templatetags.static import static
from django.test import RequestFactory, override_settings

from dyno import asgi, wsgi
from dyno.wsgi import FrontDoor

# At each request Django looks at the connections that are open.
pytestmark = pytest.mark.django_db

TEXT = "/* enough to be worth compressing */\n" * 99
FILES = {
    "its.css": TEXT,
    "its.js": 'import { word } from "./lib.js";\n' + TEXT,
    "lib.js": 'export const word = "a";\n' + TEXT,
    "its.svg": TEXT,
    "packed.js": "let a;\n//# sourceMappingURL=packed.js.map\n",
    "packed.css": "a {}\n/*# sourceMappingURL=packed.css.map */\n",
    "bundle.js": 'import "./bundled-already.js";\nimport "bare";\n',
}
MANIFEST = {"staticfiles": {"BACKEND": "dyno.static.ManifestStorage"}}


def get(path, application=None, **environ):
    """Send a request through dyno.wsgi; return status, headers and body."""
    answer = {}

    def start_response(status, headers):
        answer.update(status=int(status[:3]), headers=dict(headers))

    environ = RequestFactory(SERVER_NAME="127.0.0.1").get(path, **environ).META
    application = application or FrontDoor(WSGIHandler())
    parts = application(environ, start_response)
    body = b"".join(parts)
    if hasattr(parts, "close"):
        parts.close()
    return answer["status"], answer["headers"], body


def test_up_is_answered_whatever_the_host_and_the_scheme():
    status, headers, body = get("/up", HTTP_HOST="no.such.host")
    assert (status, body) == (200, b"up\n")
    assert headers["Cache-Control"] == "no-store"
    assert headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize(
    "start", [asgi.get_asgi_application, wsgi.get_wsgi_application]
)
def test_it_refuses_to_start_with_a_wrong_setting(start):
    with override_settings(LOCAL=False, ALLOWED_HOSTS=[]), pytest.raises(SystemExit):
        start()


@pytest.fixture(scope="module")
def application(tmp_path_factory):
    """A server of these files, as a build leaves them."""
    root, more = map(tmp_path_factory.mktemp, ["staticfiles", "static"])
    for name, text in FILES.items():
        (more / name).write_text(text)
    with override_settings(
        STATIC_ROOT=root,
        STATICFILES_DIRS=[more],
        STATICFILES_FINDERS=["django.contrib.staticfiles.finders.FileSystemFinder"],
        STORAGES=MANIFEST,
        SECURE_HSTS_SECONDS=3600,
        LOCAL=False,
    ):
        call_command("collectstatic", verbosity=0, interactive=False)
        yield FrontDoor(WSGIHandler())


@pytest.fixture
def ask(application):
    """Return a function that asks for a file by its URL in a page."""
    return lambda name, **environ: get(static(name), application, **environ)


def test_files_are_named_after_their_content_and_kept_for_good_by_browsers(
    application, ask
):
    assert re.fullmatch(r"/static/its\.[0-9a-f]{12}\.css", static("its.css"))
    _, headers, _ = ask("its.css")
    assert "immutable" in headers["Cache-Control"]
    assert headers["Strict-Transport-Security"] == "max-age=3600"
    assert "Access-Control-Allow-Origin" not in headers
    # For scripts that know no other name.
    _, headers, _ = get("/static/its.css", application)
    assert headers["Cache-Control"] == "max-age=60, public"


def test_over_plain_http_files_are_redirected_like_pages(application, settings):
    settings.SECURE_SSL_REDIRECT = True
    path = static("its.css")
    status, headers, _ = get(path, HTTP_HOST="127.0.0.1")
    assert (status, headers["Location"]) == (301, f"https://127.0.0.1{path}")


@pytest.mark.parametrize(
    "accepted, coding", [("deflate, br;q=0.9", "br"), ("gzip", "gzip"), ("", None)]
)
def test_a_file_is_sent_in_a_coding_that_the_client_accepts(ask, accepted, coding):
    _, headers, body = ask("its.svg", HTTP_ACCEPT_ENCODING=accepted)
    assert headers.get("Content-Encoding") == coding
    assert headers["Vary"] == "Accept-Encoding"
    assert int(headers["Content-Length"]) == len(body)
    assert (body == TEXT.encode()) is (coding is None)


def test_a_file_that_the_browser_has_is_not_sent_again(ask):
    etag = ask("its.css")[1]["ETag"]
    assert etag == f'W/"{static("its.css").split(".")[1]}"'
    status, _, body = ask("its.css", HTTP_IF_NONE_MATCH=etag)
    assert (status, body) == (304, b"")


def test_files_of_the_root_folder_have_its_urls(tmp_path, settings):
    (tmp_path / "ads.txt").write_text("one")
    settings.WHITENOISE_ROOT = tmp_path
    assert get("/ads.txt")[2] == b"one"


def test_a_file_names_the_hashed_copies_of_others_but_of_what_is_missing(ask):
    script = ask("its.js")[2].decode()
    assert f'from "./{static("lib.js").removeprefix("/static/")}"' in script
    assert b"packed.js.map" in ask("packed.js")[2]
    assert b"packed.css.map" in ask("packed.css")[2]
    assert b"./bundled-already.js" in ask("bundle.js")[2]


def test_a_file_that_was_not_collected_has_its_own_name_in_development_alone(
    application,
):
    with pytest.raises(ValueError, match="nosuch.css"):
        static("nosuch.css")
    with override_settings(STORAGES=MANIFEST, LOCAL=True):
        assert static("nosuch.css") == "/static/nosuch.css"
