"""The visits to the site's own pages that end a release."""

import signal
import time
from types import ModuleType

import pytest
from django.conf.urls.i18n import i18n_patterns
from django.contrib import admin
from django.core.management.base import CommandError
from django.db import OperationalError
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import path

from dyno import visits


@pytest.fixture(autouse=True)
def alarm():
    """Find an alarm that was left behind, and give the signal back."""
    before = signal.getsignal(signal.SIGALRM)
    yield
    assert signal.alarm(0) == 0
    signal.signal(signal.SIGALRM, before)


@pytest.fixture
def ask(settings):
    """Return a function that visits a page and returns what the release says."""

    def ask(page="/page"):
        settings.RELEASE_VISITS = [page]
        said = []
        try:
            visits.visit(said.append)
        except CommandError as refused:
            said.append(str(refused))
        [answer] = said
        return answer

    return ask


@pytest.mark.parametrize(
    ("patterns", "last"),
    [
        (i18n_patterns(path("office/", admin.site.urls)), "/en/office/login/"),
        ([], "/no-such-page"),
    ],
    ids=["in a language", "none"],
)
def test_the_admin_is_visited_where_it_is_if_there_is_one(settings, patterns, last):
    settings.ROOT_URLCONF = ModuleType("urls")
    settings.ROOT_URLCONF.urlpatterns = patterns
    assert visits.addresses()[-1] == last


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (redirect("https://www.localhost/plain?a=1"), "answers 200"),
        (HttpResponse(status=503), "answers 503"),  # as in maintenance
        (redirect("https://login.example.com/"), "answers 302"),
        (HttpResponse(status=502), "fails. RuntimeError: It answers 502"),
        (redirect("/page"), "fails. RuntimeError: It redirects more than 20 times"),
    ],
)
def test_a_redirect_on_this_host_is_followed_to_an_answer_or_an_error(
    ask, page, answer, said
):
    page(lambda request: answer)
    assert ask().startswith(f"The page /page {said}")


def test_a_database_that_is_away_is_no_maintenance(ask, page):
    def away(request):
        raise OperationalError("server closed the connection")

    page(away)
    assert "fails. OperationalError: server closed the connection. " in ask()


@pytest.mark.parametrize(
    ("allowed", "address", "host"),
    [
        (["shop.example.com", ".herokuapp.com"], "/page", "shop.example.com"),
        ([".herokuapp.com"], "/page", "www.herokuapp.com"),
        (["*"], "/page", "localhost"),
        ([".example.com"], "https://eu.example.com/page", "eu.example.com"),
    ],
)
def test_a_page_is_asked_over_https_with_an_allowed_host_and_nobody_is_mailed(
    ask, page, settings, allowed, address, host
):
    seen = []

    def see(request):
        seen.extend([request.scheme, request.get_host(), *settings.ADMINS])
        seen.append(request.headers["User-Agent"])
        return HttpResponse()

    settings.ADMINS = ["admin@example.com"]
    settings.ALLOWED_HOSTS = allowed
    settings.SECURE_SSL_REDIRECT = True
    page(see)
    assert ask(address) == f"The page {address} answers 200"
    assert seen == ["https", host, "manage.py release"]


def test_a_page_that_hangs_is_stopped_whatever_it_catches(
    ask, page, monkeypatch, capfd
):
    def hang(request):
        try:
            time.sleep(20)
        except Exception:
            return HttpResponse()

    monkeypatch.setattr(visits, "SECONDS", 1)
    page(hang)
    assert "It takes longer than 1 s" in ask()
    assert f'"{__file__}", line ' in capfd.readouterr().err
