"""The visits to the site's own pages that end a release."""

import logging
import signal
import time
from types import ModuleType

import pytest
from django.contrib import admin
from django.core.management.base import CommandError
from django.db import connection
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import path

from dyno import mail, visits


@pytest.fixture(autouse=True)
def alarm():
    """Find an alarm that was left behind, and give the signal back."""
    before = signal.getsignal(signal.SIGALRM)
    yield
    assert signal.alarm(0) == 0
    signal.signal(signal.SIGALRM, before)


@pytest.fixture
def ask(settings):
    """Return a function that visits pages and returns what the release says."""

    def ask(*pages):
        settings.RELEASE_VISITS = [*pages]
        said = []
        visits.visit(said.append)
        return said

    return ask


def refusal(ask, *pages):
    with pytest.raises(CommandError) as refused:
        ask(*pages)
    return str(refused.value)


@pytest.mark.parametrize(
    ("patterns", "last"),
    [
        ([path("office/", admin.site.urls)], "/office/login/"),
        ([], "/no-such-page"),
    ],
)
def test_the_admin_is_visited_where_it_is_if_there_is_one(settings, patterns, last):
    settings.ROOT_URLCONF = ModuleType("urls")
    settings.ROOT_URLCONF.urlpatterns = patterns
    assert visits.addresses()[-1] == last


def test_a_page_that_raises_is_named_with_the_error_and_the_line(ask, broken, caplog):
    broken(KeyError("manifest"))
    said = refusal(ask, "/plain", "/page")
    assert said.startswith("The page /page fails. KeyError: 'manifest'.")
    assert "the release that was live stays live. Fix: " in said
    assert "RELEASE_VISITS = [] in settings.py" in said
    assert len([record for record in caplog.records if record.exc_info]) == 1


def test_nobody_is_mailed_and_the_admins_stay(ask, broken, settings, mailoutbox):
    settings.ADMINS = ["admin@example.com"]
    broken(RuntimeError())
    logger, handler = logging.getLogger("django.request"), mail.AdminMail()
    logger.addHandler(handler)
    try:
        refusal(ask, "/page")
    finally:
        logger.removeHandler(handler)
    assert not mailoutbox
    assert settings.ADMINS == ["admin@example.com"]


def test_an_error_that_nothing_raised_fails(ask, page):
    page(lambda request: HttpResponse(status=502))
    assert "It answers 502." in refusal(ask, "/page")


@pytest.mark.parametrize("status", [404, 503])
def test_other_answers_are_fine_and_so_is_a_maintenance_page(ask, page, status):
    page(lambda request: HttpResponse(status=status))
    assert ask("/page") == [f"The page /page answers {status}"]


def test_a_database_that_is_away_is_no_maintenance(ask, page):
    def away(request):
        error = connection.Database.OperationalError("server closed the connection")
        with connection.wrap_database_errors:
            raise error

    page(away)
    assert "OperationalError: server closed" in refusal(ask, "/page")


@pytest.mark.parametrize("url", ["./other", "https://localhost/other?a=1"])
def test_a_redirect_on_this_host_is_followed(ask, settings, url):
    def other(request):
        raise RuntimeError("other")

    settings.ALLOWED_HOSTS = ["localhost"]
    settings.ROOT_URLCONF = ModuleType("urls")
    settings.ROOT_URLCONF.urlpatterns = [
        path("page", lambda request: redirect(url)),
        path("other", other),
    ]
    assert "The page /page fails. RuntimeError: other." in refusal(ask, "/page")


def test_a_redirect_to_another_host_is_not(ask, page):
    page(lambda request: redirect("https://login.example.com/page"))
    assert ask("/page") == ["The page /page answers 302"]


def test_a_page_that_redirects_to_itself_fails(ask, page):
    page(lambda request: redirect("/page"))
    assert "It redirects more than 20 times" in refusal(ask, "/page")


@pytest.mark.parametrize(
    ("allowed", "host"),
    [
        (["shop.example.com", ".herokuapp.com"], "shop.example.com"),
        ([".herokuapp.com"], "www.herokuapp.com"),
        (["*"], "localhost"),
        (["[::1]"], "[::1]"),
    ],
)
def test_a_page_is_asked_over_https_with_an_allowed_host(
    ask, page, settings, allowed, host
):
    seen = []

    def see(request):
        seen.append((request.scheme, request.get_host(), request.META["HTTP_HOST"]))
        seen.append(request.META["HTTP_USER_AGENT"])
        return HttpResponse()

    settings.ALLOWED_HOSTS = allowed
    settings.SECURE_SSL_REDIRECT = True
    page(see)
    assert ask("/page?a=1") == ["The page /page?a=1 answers 200"]
    assert seen == [("https", host, host), "manage.py release"]


def test_a_page_may_be_named_with_its_host(ask, page, settings):
    settings.ALLOWED_HOSTS = [".example.com"]
    page(lambda request: HttpResponse(status=200 + len(request.get_host())))
    assert ask("https://eu.example.com/page")[0].endswith(" answers 214")


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
    said = refusal(ask, "/page")
    assert "It takes longer than 1 s" in said
    assert f'"{__file__}", line ' in capfd.readouterr().err
