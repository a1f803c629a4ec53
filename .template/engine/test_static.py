"""Static files, after a real `collectstatic`, through the WSGI application."""

import re

import pytest
from django.core.handlers.wsgi import WSGIHandler
from django.core.management import CommandError, call_command
from django.template import engines
from django.test import override_settings
from wsgi_client import get

from dyno.wsgi import FrontDoor

TEXT = "/* enough to be worth compressing */\n" * 99
FILES = {
    "its.css": TEXT + "body { background: url(its.svg) }\n",
    "its.js": 'import { word } from "./lib.js";\n' + TEXT,
    "lib.js": 'export const word = "a";\n' + TEXT,
    "its.svg": TEXT,
    "packed.js": "let a;\n//# sourceMappingURL=packed.js.map\n",
    "packed.css": "a {}\n/*# sourceMappingURL=packed.css.map */\n",
    "bundle.js": 'import "./bundled-already.js";\nimport "bare";\n',
}
MANIFEST = {
    "STORAGES": {"staticfiles": {"BACKEND": "dyno.static.ManifestStorage"}},
    "STATICFILES_FINDERS": ["django.contrib.staticfiles.finders.FileSystemFinder"],
    "SECURE_HSTS_SECONDS": 3600,
    "LOCAL": False,
}


@pytest.fixture(scope="module")
def collected(tmp_path_factory):
    """The folder of the static files, as a build leaves it."""
    root, more = map(tmp_path_factory.mktemp, ["staticfiles", "static"])
    for name, text in FILES.items():
        (more / name).write_text(text)
    with override_settings(STATIC_ROOT=root, STATICFILES_DIRS=[more], **MANIFEST):
        call_command("collectstatic", verbosity=0, interactive=False)
        yield root


@pytest.fixture(scope="module")
def ask(collected):
    """Return a function that asks for a path in a server of these files."""
    application = FrontDoor(WSGIHandler())
    return lambda path, **environ: get(path, application, **environ)


@pytest.fixture(scope="module")
def url(collected):
    """Return a function that tells the URL of a file as a page does."""

    def render(name):
        text = "<load static><static 'NAME'>".replace("NAME", name)
        text = text.replace("<", "{" + "% ").replace(">", " %" + "}")
        return engines["django"].from_string(text).render()

    return render


def test_files_are_named_after_their_content_and_kept_for_good_by_browsers(ask, url):
    assert re.fullmatch(r"/static/its\.[0-9a-f]{12}\.css", url("its.css"))
    assert "immutable" in ask(url("its.css"))[1]["Cache-Control"]
    plain = ask("/static/its.css")[1]["Cache-Control"]  # for scripts that know no other
    assert plain == "max-age=60, public"


def test_files_have_the_security_headers_of_pages(ask, url):
    _, headers, _ = ask(url("its.svg"))
    assert headers["Strict-Transport-Security"] == "max-age=3600"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert "Access-Control-Allow-Origin" not in headers


def test_over_plain_http_files_are_redirected_like_pages(ask, url):
    path = url("its.css")
    with override_settings(SECURE_SSL_REDIRECT=True):
        application = FrontDoor(WSGIHandler())
        status, headers, _ = get(path, application, HTTP_HOST="127.0.0.1")
    assert (status, headers["Location"]) == (301, f"https://127.0.0.1{path}")


@pytest.mark.parametrize(
    "accepted, coding", [("deflate, br;q=0.9", "br"), ("gzip", "gzip"), ("", None)]
)
@pytest.mark.parametrize("more", [{}, {"HTTP_IF_NONE_MATCH": '"another"'}])
def test_a_file_is_sent_in_a_coding_that_the_client_accepts(
    ask, url, accepted, coding, more
):
    """Both ways that a file is answered: from memory, and by WhiteNoise."""
    _, headers, body = ask(url("its.svg"), HTTP_ACCEPT_ENCODING=accepted, **more)
    assert headers.get("Content-Encoding") == coding
    assert headers["Vary"] == "Accept-Encoding"
    assert int(headers["Content-Length"]) == len(body)
    assert (body == TEXT.encode()) is (coding is None)


def test_a_file_that_the_browser_has_is_not_sent_again(ask, url):
    etag = ask(url("its.css"))[1]["ETag"]
    assert etag == f'W/"{url("its.css").split(".")[1]}"'
    status, _, body = ask(url("its.css"), HTTP_IF_NONE_MATCH=etag)
    assert (status, body) == (304, b"")


def test_files_of_the_root_folder_have_its_urls(tmp_path):
    (tmp_path / "ads.txt").write_text("one")
    with override_settings(WHITENOISE_ROOT=tmp_path):
        assert get("/ads.txt", FrontDoor(WSGIHandler()))[2] == b"one"


def test_a_part_of_a_file_can_be_asked_for(ask, url):
    status, _, body = ask(url("its.svg"), HTTP_RANGE="bytes=2-5")
    assert (status, body) == (206, TEXT[2:6].encode())


def test_a_file_names_the_hashed_copies_of_others(ask, url):
    script = ask(url("its.js"))[2].decode()
    assert f'from "./{url("lib.js").removeprefix("/static/")}"' in script
    assert url("its.svg").removeprefix("/static/") in ask(url("its.css"))[2].decode()


def test_a_missing_source_map_or_module_does_not_stop_the_build(ask, url):
    assert b"packed.js.map" in ask(url("packed.js"))[2]
    assert b"packed.css.map" in ask(url("packed.css"))[2]
    assert b"./bundled-already.js" in ask(url("bundle.js"))[2]


def test_a_missing_picture_stops_the_build(tmp_path):
    (tmp_path / "static").mkdir()
    (tmp_path / "static/its.css").write_text("a { background: url(nosuch.png) }")
    folders = {"STATIC_ROOT": tmp_path / "root"}
    folders["STATICFILES_DIRS"] = [tmp_path / "static"]
    refused = pytest.raises(CommandError, match="nosuch.png")
    with override_settings(**MANIFEST, **folders), refused:
        call_command("collectstatic", verbosity=0, interactive=False)


def test_a_file_that_was_not_collected_has_its_own_name_in_development_alone(url):
    with pytest.raises(ValueError, match="nosuch.css"):
        url("nosuch.css")
    with override_settings(STORAGES=MANIFEST["STORAGES"], LOCAL=True):
        assert url("nosuch.css") == "/static/nosuch.css"
