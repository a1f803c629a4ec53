"""What stands in front of Django."""

import time
from ipaddress import ip_network

import pytest
from django.core.handlers.wsgi import WSGIHandler
from django.http import HttpResponse
from django.test import override_settings
from wsgi_client import environ, get

from dyno import logs, proxies, wsgi
from dyno.bulkhead import Bulkhead
from dyno.wsgi import FrontDoor


@pytest.fixture
def bulkhead(monkeypatch):
    """A bulkhead of this test's own, with a place for one request."""
    bulkhead = Bulkhead()
    bulkhead.places = 1
    monkeypatch.setattr(wsgi, "bulkhead", bulkhead)
    return bulkhead


@pytest.fixture
def full(bulkhead):
    """A bulkhead whose places are all stuck."""
    bulkhead.entered[object()] = time.monotonic() - 3600
    return bulkhead


def test_up_is_answered_whatever_the_host_and_the_scheme():
    status, headers, body = get("/up", HTTP_HOST="no.such.host")
    assert (status, body) == (200, b"up\n")
    assert headers["Cache-Control"] == "no-store"
    assert headers["X-Content-Type-Options"] == "nosniff"


def test_up_is_answered_while_every_place_is_stuck(full):
    assert get("/up")[0] == 200


def test_a_page_is_refused_while_every_place_is_stuck(full, settings):
    settings.SECURE_HSTS_SECONDS = 3600
    status, headers, body = get("/plain", **{"wsgi.url_scheme": "https"})
    assert status == 503
    assert headers["Retry-After"] == "10"
    assert headers["Cache-Control"] == "no-store"
    assert headers["Strict-Transport-Security"] == "max-age=3600"
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert int(headers["Content-Length"]) == len(body)
    assert b"try again" in body and b"heroku" not in body


def test_a_place_is_free_again_once_the_response_is_closed(bulkhead):
    front_door = FrontDoor(lambda environ, start_response: iter([b"a", b"b"]))
    answer = front_door(environ("/page"), None)
    assert b"".join(answer) == b"ab"
    assert len(bulkhead.entered) == 1
    answer.close()
    assert not bulkhead.entered


@pytest.mark.parametrize("error", [OSError, SystemExit])
def test_a_place_is_free_again_if_django_fails(bulkhead, error):
    def fail(environ, start_response):
        start_response("200 OK", [])
        raise error

    with pytest.raises(error):
        get("/plain", FrontDoor(fail))
    assert not bulkhead.entered
    assert logs.request_id.get() == "-"


def test_a_page_knows_the_routers_request_id(page):
    page(lambda request: HttpResponse(logs.request_id.get()))
    sent = "3b241101-e2bb-4255-8caf-4136c566a962"
    assert get("/page", HTTP_X_REQUEST_ID=sent)[2] == sent.encode()
    assert logs.request_id.get() == "-"


@pytest.mark.parametrize(
    "unreadable",
    [
        {"CONTENT_TYPE": "text/plain; charset*=x''%ff"},
        {"REQUEST_METHOD": "POST", "CONTENT_TYPE": "a/b; charset=nosuch\0"},
        {"QUERY_STRING": "a=\udcff"},
    ],
    ids=["content type", "charset", "query"],
)
def test_a_request_that_django_cannot_read_does_not_end_the_thread(unreadable):
    assert get("/plain", **unreadable)[0] in (200, 400)


def test_a_request_on_which_django_fails_is_handed_over_again_as_a_400(monkeypatch):
    class Unreadable(WSGIHandler):
        def __call__(self, environ, start_response):
            if "dyno.unreadable" not in environ:
                raise LookupError
            return super().__call__(environ, start_response)

    status, _, body = get("/plain", FrontDoor(Unreadable()))
    assert (status, body) == (400, b"<h1>400 by the site</h1>\n")


@pytest.mark.parametrize(
    "host", ["", "evil.example.com", "a b", "127.0.0.1:x", ".localhost", "a..localhost"]
)
def test_another_host_gets_400(host):
    assert get("/plain", HTTP_HOST=host)[0] == 400


def test_over_plain_http_static_files_are_redirected_like_pages(settings):
    settings.SECURE_SSL_REDIRECT = True
    for path in ("/static/site.css", "/plain"):
        status, headers, _ = get(path, HTTP_HOST="127.0.0.1")
        assert (status, headers["Location"]) == (301, f"https://127.0.0.1{path}")


def test_a_list_of_schemes_from_trusted_proxies_means_https(settings, monkeypatch):
    settings.SECURE_SSL_REDIRECT = True
    request = {"REMOTE_ADDR": "10.0.0.1", "HTTP_X_FORWARDED_PROTO": "https,http"}
    monkeypatch.setattr(proxies, "trusted", [ip_network("0.0.0.0/0")])
    assert get("/plain", **request)[0] == 200
    monkeypatch.setattr(proxies, "trusted", [])
    assert get("/plain", **request)[0] == 301


def test_it_refuses_to_start_with_a_wrong_setting(monkeypatch):
    with override_settings(LOCAL=False, ALLOWED_HOSTS=[]), pytest.raises(SystemExit):
        wsgi.get_wsgi_application()
    monkeypatch.setattr("django.setup", lambda **options: None)
    assert isinstance(wsgi.get_wsgi_application(), FrontDoor)
