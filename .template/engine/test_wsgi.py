"""What stands in front of Django."""

import pytest
from django.http import HttpResponse, StreamingHttpResponse
from django.test import override_settings
from wsgi_client import get

from dyno import logs, wsgi
from dyno.wsgi import FrontDoor


def test_up_is_answered_whatever_the_host_and_the_scheme():
    status, headers, body = get("/up", HTTP_HOST="no.such.host")
    assert (status, body) == (200, b"up\n")
    assert headers["Cache-Control"] == "no-store"
    assert headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("response", [HttpResponse, StreamingHttpResponse])
def test_the_routers_request_id_is_known_until_the_response_is_sent(page, response):
    def text():
        yield logs.request_id.get()

    page(lambda request: response(text()))
    sent = "3b241101-e2bb-4255-8caf-4136c566a962"
    assert get("/page", HTTP_X_REQUEST_ID=sent)[2] == sent.encode()


def test_the_connections_are_given_back_before_a_response_is_sent(page, monkeypatch):
    done = []
    monkeypatch.setattr(wsgi, "close_old_connections", lambda: done.append("closed"))

    def text():
        done.append("sent")
        yield b""

    page(lambda request: StreamingHttpResponse(text()))
    get("/page")
    assert done == ["closed", "sent"]


def test_another_host_gets_400():
    assert get("/plain", HTTP_HOST="evil.example.com")[0] == 400


def test_over_plain_http_static_files_are_redirected_like_pages(settings):
    settings.SECURE_SSL_REDIRECT = True
    for path in ("/static/site.css", "/plain"):
        status, headers, _ = get(path, HTTP_HOST="127.0.0.1")
        assert (status, headers["Location"]) == (301, f"https://127.0.0.1{path}")


def test_a_list_of_schemes_from_trusted_proxies_means_https(settings, trust):
    settings.SECURE_SSL_REDIRECT = True
    request = {"REMOTE_ADDR": "10.0.0.1", "HTTP_X_FORWARDED_PROTO": "https,http"}
    trust(["*"])
    assert get("/plain", **request)[0] == 200
    trust([])
    assert get("/plain", **request)[0] == 301


def test_a_view_finds_the_address_that_a_trusted_proxy_says(page, trust):
    page(lambda request: HttpResponse(request.META["REMOTE_ADDR"]))
    request = {"REMOTE_ADDR": "10.0.0.1", "HTTP_X_FORWARDED_FOR": "6.6.6.6, 192.0.2.1"}
    trust(["*"])
    assert get("/page", **request)[2] == b"192.0.2.1"
    trust([])
    assert get("/page", **request)[2] == b"10.0.0.1"


@pytest.mark.django_db  # the check of DATABASE_URL tries the driver out
def test_it_refuses_to_start_with_a_wrong_setting(monkeypatch):
    with override_settings(LOCAL=False, ALLOWED_HOSTS=[]), pytest.raises(SystemExit):
        wsgi.get_wsgi_application()
    monkeypatch.setattr("django.setup", lambda **options: None)
    assert isinstance(wsgi.get_wsgi_application(), FrontDoor)
