"""/up, /ready, the favicon, and the page of an error."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import OperationalError
from django.http import Http404
from django.test import override_settings

from dyno import health, logs, views


@pytest.fixture(autouse=True)
def memory(monkeypatch):
    """A memory of answers of each test's own, and no log that is still quiet."""
    monkeypatch.setattr(views, "health", health.Health())
    monkeypatch.setattr(health.logger.filters[0], "quiet_until", 0)
    return views.health


@pytest.mark.django_db
def test_ready_remembers_a_lost_database_asks_nothing_else_and_gives_no_reason_away(
    client, memory, monkeypatch, caplog
):
    asked = []

    def ask(*arguments):
        asked.append(arguments)
        raise OperationalError("connection to server at db.example.com failed")

    monkeypatch.setattr(health, "ask_database", ask)
    monkeypatch.setattr(health, "ask_cache", ask)
    for _ in range(3):
        answer = client.get("/ready")
        assert answer.status_code == 503
        assert answer.json() == {"database": "failed"}
    assert asked == [("default",)]
    assert "/ready: ask default failed: connection to server" in caplog.text
    assert memory.until - time.monotonic() > health.SUCCESS_SECONDS


def test_one_thread_asks_and_the_others_get_the_last_answer_or_wait_for_the_first(
    memory, monkeypatch
):
    answers = [{"cache": "failed"}, {"cache": "ok"}]
    go = threading.Event()

    def ask():
        go.wait(10)
        return answers.pop(0)

    monkeypatch.setattr(memory, "ask", ask)
    with ThreadPoolExecutor(8) as threads:
        first = [threads.submit(memory.states) for _ in range(8)]
        time.sleep(0.1)
        go.set()
        assert [answer.result() for answer in first] == [{"cache": "failed"}] * 8

        go.clear()
        memory.until = 0
        asking = threads.submit(memory.states)
        time.sleep(0.1)
        assert memory.states() == {"cache": "failed"}
        go.set()
        assert asking.result() == {"cache": "ok"}
    assert memory.states() == {"cache": "ok"}  # remembered, but not for long
    assert memory.until - time.monotonic() <= 1


@pytest.mark.parametrize(
    "cache, status", [("locmem.LocMem", 200), ("dummy.Dummy", 503)]
)
def test_ready_without_a_database_and_with_a_cache_that_keeps_something_or_nothing(
    client, use_databases, cache, status
):
    use_databases(default={})
    backend = f"django.core.cache.backends.{cache}Cache"
    with override_settings(CACHES={"default": {"BACKEND": backend}}):
        answer = client.get("/ready")
    assert answer.status_code == status
    states = {"database": "none", "migrations": "none"}
    assert answer.json() == states | {"cache": "ok" if status == 200 else "failed"}


def test_the_views_stay_open_behind_djangos_log_in_middleware():
    for view in (views.up, views.ready, views.favicon):
        assert view.login_required is False


def test_a_browser_that_asks_for_an_icon_gets_one_if_there_is_one(
    client, settings, tmp_path, rf
):
    assert client.get("/favicon.ico").headers["Location"].endswith(".svg")
    settings.STORAGES = {"staticfiles": {"BACKEND": "dyno.static.ManifestStorage"}}
    settings.STATIC_ROOT = tmp_path
    settings.LOCAL = False
    with pytest.raises(Http404):
        views.favicon(rf.get("/favicon.ico"))


@pytest.fixture
def fail(page, client):
    """Return a function that lets a view raise an error, and returns the answer."""
    client.raise_request_exception = False

    def answer(error):
        def view(request):
            raise error

        page(view)
        return client.get("/page")

    return answer


NO_TABLE = OperationalError("no such table: shop_order")
CLOSED = OperationalError("the server closed the connection")


@pytest.mark.parametrize(
    "error, status, told",
    [
        (ImproperlyConfigured("x"), 500, "ImproperlyConfigured: x"),
        (NO_TABLE, 500, "manage.py makemigrations"),
        (CLOSED, 503, "server closed"),
        (views.UploadRefused("x"), 503, "An upload was refused. x"),
    ],
)
def test_an_error_has_its_page_and_the_log_its_cause(fail, caplog, error, status, told):
    answer = fail(error)
    assert answer.status_code == status
    assert f"{status} by the site" in answer.text
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers.get("Retry-After") == ("10" if status == 503 else None)
    assert told in caplog.text


def test_an_absent_database_is_a_503_and_the_log_names_the_command(
    fail, use_databases, caplog
):
    use_databases(default={})
    answer = fail(ImproperlyConfigured("settings.DATABASES is improperly configured."))
    assert answer.status_code == 503
    assert "heroku" not in answer.text
    assert "heroku addons:create heroku-postgresql" in caplog.text


def test_an_error_has_a_plain_page_if_the_template_fails(fail, settings):
    settings.TEMPLATES = []
    answer = fail(CLOSED)
    assert answer.status_code == 503
    assert "<h1>Please try again in a moment</h1>" in answer.text


def test_an_errors_report_hides_urls_user_names_and_what_a_form_holds(settings, rf):
    settings.CACHES = {"default": {"LOCATION": "rediss://:a-secret@h:1"}}
    settings.MY_URL = "smtp://u:a-secret@h"
    settings.MAILERS = {"default": {"OPTIONS": {"username": "a-secret-token"}}}
    report = logs.ReportFilter()
    hidden = report.get_post_parameters(rf.post("/", {"iban": "a-secret"}))
    assert list(hidden) == ["iban"]
    assert "a-secret" not in f"{report.get_safe_settings()} {hidden}"
