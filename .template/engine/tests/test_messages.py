"""Messages wait in a cookie, which costs nothing where there is none."""

from django.conf import settings
from django.contrib.messages import get_messages, info
from django.contrib.messages.middleware import MessageMiddleware
from django.contrib.messages.storage.cookie import CookieStorage
from django.http import HttpResponse
from django.test import RequestFactory


def pass_by(request, view):
    """Return the response of a view behind Django's middleware of messages."""
    return MessageMiddleware(lambda request: view(request) or HttpResponse())(request)


def test_a_message_waits_in_a_cookie_for_the_page_that_shows_it():
    request = RequestFactory().get("/")
    request.session = {}
    answer = pass_by(request, lambda request: info(request, "Saved."))
    request = RequestFactory().get("/")
    request.session = {}
    request.COOKIES["messages"] = answer.cookies["messages"].value
    shown = []
    answer = pass_by(request, lambda request: shown.extend(get_messages(request)))
    assert [str(message) for message in shown] == ["Saved."]
    assert answer.cookies["messages"].value == ""


def test_no_cookie_is_made_ready_where_there_is_no_message(monkeypatch):
    made = []
    monkeypatch.setattr(CookieStorage, "__init__", lambda *args: made.append(args))
    pass_by(RequestFactory().get("/"), lambda request: None)
    assert settings.MESSAGE_STORAGE.endswith(".messages.Storage")
    assert not made
