"""Static files, through the real manifest after a real `collectstatic`."""

import hashlib
import re
from base64 import b64encode

import pytest
from asgiref.sync import async_to_sync
from django.conf import settings
from django.contrib.staticfiles.storage import staticfiles_storage
from django.core.management import call_command
from django.template import engines
from django.test import AsyncClient, Client, override_settings

from mysite import asgi, wsgi
from mysite.static import StaticFiles

from .conftest import get


@pytest.fixture(scope="module")
def collected(tmp_path_factory):
    """The site's static files, and three more, as a build leaves them."""
    root, more = map(tmp_path_factory.mktemp, ["staticfiles", "static"])
    for name in ("its.css", "its.js", "its.svg"):
        (more / name).write_text("/* enough to be worth compressing */\n" * 99)
    names = {"STATIC_ROOT": root}
    names["STATICFILES_DIRS"] = [*settings.STATICFILES_DIRS, more]
    with override_settings(**names):
        call_command("collectstatic", verbosity=0, interactive=False)
    with override_settings(**names), pytest.MonkeyPatch.context() as patch:
        patch.setattr(wsgi, "static_files", StaticFiles(get_response=None))
        yield root


@pytest.fixture
def page(collected):
    """What a page says of the three files."""
    text = "\"<static 'its.css'>\" \"<static 'its.js'>\" \"<static 'its.svg'>\""
    text += " integrity=\"<integrity 'its.js'>\""
    text = text.replace("<", "{" + "% ").replace(">", " %" + "}")
    return engines["django"].from_string(text).render()


def asset(page, ending):
    return re.search(rf'"(/static/[^"]+\.{ending})"', page)[1]


def test_every_page_renders_with_the_manifest(page):
    for path in ["/no-such-page", "/admin/login/"]:
        assert "/static/" in Client().get(path).text


def test_files_are_named_by_their_content_and_cached_for_good(page):
    for ending in ("css", "js", "svg"):
        url = asset(page, ending)
        assert re.search(r"\.[0-9a-f]{12}\.", url)
        status, headers, body = get(url)
        assert status == 200
        assert "immutable" in headers["Cache-Control"]


@pytest.mark.parametrize("encoding", ["br", "gzip"])
def test_files_are_sent_compressed(page, encoding):
    status, headers, body = get(asset(page, "css"), HTTP_ACCEPT_ENCODING=encoding)
    assert headers["Content-Encoding"] == encoding
    assert int(headers["Content-Length"]) == len(body)
    assert headers["Vary"] == "Accept-Encoding"


def test_a_file_that_the_browser_has_is_not_sent_again(page):
    url = asset(page, "css")
    etag = get(url)[1]["ETag"]
    status, headers, body = get(url, HTTP_IF_NONE_MATCH=etag)
    assert (status, body) == (304, b"")


def test_the_script_carries_the_hash_that_the_browser_checks(page):
    body = get(asset(page, "js"))[2]
    digest = b64encode(hashlib.sha384(body).digest()).decode()
    assert f'integrity="sha384-{digest}"' in page


@pytest.mark.parametrize("tag", ["static", "integrity"])
@pytest.mark.parametrize(
    "file, local, lookups",
    [("'site.css'", False, 2), ("file", False, 4), ("'site.css'", True, 4)],
)
def test_a_name_in_quotes_is_looked_up_once(monkeypatch, tag, file, local, lookups):
    asked = []
    lookup = {"static": "url", "integrity": "integrity"}[tag]
    monkeypatch.setattr(staticfiles_storage, lookup, lambda n: asked.append(n) or "&")
    text = "<% x %>|<% autoescape off %><% x %><% endautoescape %>"
    text = text.replace("x", f"{tag} {file}").replace("<", "{").replace(">", "}")
    with override_settings(LOCAL=local):
        template = engines["django"].from_string(text)
    for _ in range(2):
        assert template.render({"file": "site.css"}) == "&amp;|&"
    assert asked == ["site.css"] * lookups


@pytest.mark.parametrize(
    "asked, answered",
    [
        ("bytes=0-0", slice(0, 1)),
        ("bytes=-1", slice(-1, None)),
        ("bytes=2-5", slice(2, 6)),
    ],
)
def test_a_part_of_a_file_can_be_asked_for(page, asked, answered):
    url = asset(page, "css")
    whole = get(url)[2]
    status, headers, body = get(url, HTTP_RANGE=asked)
    assert status == 206
    assert body == whole[answered]
    assert int(headers["Content-Length"]) == len(body)


def test_only_the_hashed_copies_are_kept(collected):
    assert not (collected / "its.css").exists()
    assert list(collected.glob("its.*.css.br"))


def test_static_files_are_sent_to_https_too(page, python, production):
    code = (
        "import sys; sys.path.insert(0, '.'); from tests.conftest import get;"
        "print(get('/static/site.css', HTTP_HOST='x.herokuapp.com')[:2])"
    )
    result = python("-c", code, **production)
    assert "301" in result.stdout, result.stderr
    assert "https://x.herokuapp.com/static/site.css" in result.stdout


@pytest.mark.django_db  # Django looks at the connections after each request
def test_an_asgi_server_serves_them_with_whitenoises_middleware(page):
    middleware = [*settings.MIDDLEWARE, "whitenoise.middleware.WhiteNoiseMiddleware"]
    with override_settings(MIDDLEWARE=middleware):
        answer = async_to_sync(AsyncClient().get)(asset(page, "css"))
    answer.close()
    assert answer.status_code == 200
    assert callable(asgi.application)


def test_a_file_with_a_name_beyond_ascii_is_found(tmp_path):
    (tmp_path / "größe.txt").write_text("42")
    with override_settings(STATIC_ROOT=tmp_path):
        files = StaticFiles(get_response=None)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(wsgi, "static_files", files)
        assert get("/static/größe.txt".encode().decode("latin-1"))[2] == b"42"


def test_a_folders_page_is_found_with_and_without_a_slash(tmp_path):
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs/index.html").write_text("42")
    with override_settings(WHITENOISE_ROOT=tmp_path, WHITENOISE_INDEX_FILE=True):
        files = StaticFiles(get_response=None)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(wsgi, "static_files", files)
        assert get("/docs/")[2] == b"42"
        status, headers, body = get("/docs")
    assert (status, headers["Location"]) == (302, "docs/")
