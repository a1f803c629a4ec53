"""What stands in front of Django, and the body of a request, which arrives whole."""

import io

import pytest
from django.core.exceptions import BadRequest
from django.http import HttpResponse, StreamingHttpResponse
from django.test import override_settings
from wsgi_client import get

from dyno import logs, wsgi
from dyno.wsgi import FrontDoor, WholeBody

TEXT = b"one\ntwo\nthree"


def test_up_is_answered_whatever_the_host_and_the_scheme():
    status, headers, body = get("/up", HTTP_HOST="no.such.host")
    assert (status, body) == (200, b"up\n")
    assert headers["Cache-Control"] == "no-store"
    assert headers["X-Content-Type-Options"] == "nosniff"


def test_the_routers_request_id_is_known_until_the_response_is_sent(page):
    def text():
        yield logs.request_id.get()

    page(lambda request: StreamingHttpResponse(text()))
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


def test_what_a_trusted_proxy_says_reaches_the_view(page, settings, trust):
    settings.SECURE_SSL_REDIRECT = True
    page(lambda request: HttpResponse(request.META["REMOTE_ADDR"]))
    request = {
        "REMOTE_ADDR": "10.0.0.1",
        "HTTP_X_FORWARDED_FOR": "6.6.6.6, 192.0.2.1",
        "HTTP_X_FORWARDED_PROTO": "https,http",
    }
    trust(["*"])
    assert get("/page", **request)[2] == b"192.0.2.1"
    trust([])
    assert get("/page", **request)[0] == 301


@pytest.mark.django_db  # the check of DATABASE_URL tries the driver out
def test_it_refuses_to_start_with_a_wrong_setting(monkeypatch):
    with override_settings(LOCAL=False, ALLOWED_HOSTS=[]), pytest.raises(SystemExit):
        wsgi.get_wsgi_application()
    monkeypatch.setattr("django.setup", lambda **options: None)
    assert isinstance(wsgi.get_wsgi_application(), FrontDoor)


def body_of(stream, length):
    """Return the body of a request as Django gets it."""
    return io.BufferedReader(WholeBody(stream, length))


def test_a_body_can_be_read_in_pieces_like_any_file():
    file = body_of(io.BytesIO(TEXT), len(TEXT))
    assert (file.read(2), file.readline(), next(file)) == (b"on", b"e\n", b"two\n")
    assert (file.read(), file.read()) == (b"three", b"")


def test_what_follows_the_body_is_left_for_the_next_request():
    stream = io.BytesIO(b"bodyGET /")
    assert body_of(stream, 4).read() == b"body"
    assert stream.read() == b"GET /"


def test_half_a_body_is_a_bad_request():
    with pytest.raises(BadRequest, match="ended before"):
        body_of(io.BytesIO(TEXT), 20).read()
