"""/up, /ready, the favicon, and the page of an error."""

import io
import logging
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import OperationalError
from django.db.utils import ConnectionHandler
from django.test import override_settings
from psycopg_pool import PoolTimeout
from wsgi_client import get

from dyno import database, health, logs, views

ID = "3b241101-e2bb-4255-8caf-4136c566a962"


@pytest.fixture(autouse=True)
def memory(monkeypatch):
    """A memory of answers of each test's own, and no log that is still quiet."""
    monkeypatch.setattr(views, "health", health.Health())
    for logger in (health.logger, views.exhaustion):
        monkeypatch.setattr(logger.filters[0], "quiet_until", 0)
    return views.health


@pytest.fixture
def failing(monkeypatch):
    """Return a function that lets a question of /ready's fail, and counts it."""

    def fail(name):
        asked = []

        def ask(*arguments):
            asked.append(arguments)
            raise OperationalError("connection to server at db.example.com failed")

        monkeypatch.setattr(health, name, ask)
        return asked

    return fail


@pytest.mark.django_db
def test_ready_names_each_dependency(client):
    answer = client.get("/ready")
    assert answer.status_code == 200
    names = {"database", "migrations", "cache"}
    assert answer.json() == dict.fromkeys(names, "ok")
    assert "no-store" in answer["Cache-Control"]


@pytest.mark.django_db
def test_ready_is_503_when_one_fails_and_gives_no_reason_away(client, failing, caplog):
    failing("ask_database")
    answer = client.get("/ready")
    assert answer.status_code == 503
    assert answer.json() == {"database": "failed"}
    assert b"example.com" not in answer.content
    assert "db.example.com failed" in caplog.text


@pytest.mark.django_db
def test_ready_remembers_a_failure(client, failing, memory, monkeypatch):
    asked = failing("ask_database")
    assert {client.get("/ready").status_code for _ in range(3)} == {503}
    assert len(asked) == 1
    assert memory.until - time.monotonic() > health.SUCCESS_SECONDS
    memory.until = 0
    client.get("/ready")
    assert len(asked) == 2
    monkeypatch.undo()
    monkeypatch.setattr(views, "health", memory)
    memory.until = 0
    assert client.get("/ready").status_code == 200
    assert client.get("/ready").status_code == 200


def test_a_success_is_remembered_too_but_not_for_long(memory, monkeypatch):
    asked = []
    monkeypatch.setattr(memory, "ask", lambda: asked.append(1) or {"database": "ok"})
    assert [memory.states() for _ in range(3)] == [{"database": "ok"}] * 3
    assert len(asked) == 1
    assert memory.until - time.monotonic() <= 1


def test_while_one_thread_asks_the_others_get_the_last_answer(memory, monkeypatch):
    memory.last = {"cache": "failed"}
    asking = threading.Event()
    go = threading.Event()

    def ask():
        asking.set()
        go.wait(10)
        return {"cache": "ok"}

    monkeypatch.setattr(memory, "ask", ask)
    thread = threading.Thread(target=memory.states)
    thread.start()
    assert asking.wait(10)
    meanwhile = memory.states()
    go.set()
    thread.join()
    assert meanwhile == {"cache": "failed"}
    assert memory.states() == {"cache": "ok"}


def test_at_the_start_all_wait_for_one_answer(memory, monkeypatch):
    asked = []

    def ask():
        asked.append(1)
        time.sleep(0.1)
        return {"cache": "ok"}

    monkeypatch.setattr(memory, "ask", ask)
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda _: memory.states(), range(8)))
    assert answers == [{"cache": "ok"}] * 8 and len(asked) == 1


@pytest.mark.django_db
def test_ready_names_a_cache_that_keeps_nothing(client):
    cache = {"BACKEND": "django.core.cache.backends.dummy.DummyCache"}
    with override_settings(CACHES={"default": cache}):
        answer = client.get("/ready")
    assert answer.status_code == 503
    assert answer.json()["cache"] == "failed"


@pytest.mark.django_db
def test_ready_names_migrations_that_are_not_applied_and_the_log_the_command(
    client, monkeypatch, caplog
):
    monkeypatch.setattr(views.database, "unapplied", lambda alias: ["shop.0001"])
    answer = client.get("/ready")
    assert answer.status_code == 503
    assert answer.json()["migrations"] == "failed"
    [message] = [r.getMessage() for r in caplog.records if r.name == "dyno.health"]
    assert "the database default lacks some. Fix: python manage.py release" in message


def test_without_a_database_ready_is_200_and_says_so(client, monkeypatch):
    monkeypatch.setattr(views.database, "attached", lambda alias="default": False)
    answer = client.get("/ready")
    assert answer.status_code == 200
    states = {"database": "none", "migrations": "none"}
    assert answer.json() == states | {"cache": "ok"}


def test_a_cache_in_a_database_that_is_away_is_not_asked(client, failing):
    failing("ask_database")
    asked = failing("ask_cache")
    cache = {"BACKEND": "django.core.cache.backends.db.DatabaseCache"}
    with override_settings(CACHES={"default": cache | {"LOCATION": "cache"}}):
        assert client.get("/ready").json() == {"database": "failed"}
    assert not asked


def test_a_browser_that_asks_for_an_icon_gets_one(client):
    assert client.get("/favicon.ico").headers["Location"].endswith(".svg")


def test_up_is_the_answer_that_wsgi_gives(client):
    answer = client.get("/up")
    status, headers, body = get("/up")
    assert (answer.status_code, answer.content) == (status, body) == (200, b"up\n")
    for name in ("Content-Type", "Content-Length", "Cache-Control"):
        assert answer[name] == headers[name]
    assert client.post("/up").status_code == 405


def test_the_views_stay_open_behind_djangos_log_in_middleware():
    for view in (views.up, views.ready, views.favicon):
        assert view.login_required is False


@pytest.fixture
def visitor(client):
    """A client that gets error pages, as a browser does."""
    client.raise_request_exception = False
    return client


@pytest.mark.parametrize(
    "error, status",
    [
        (RuntimeError("x"), 500),
        (OperationalError("the server closed the connection"), 503),
        (OperationalError("no such table: shop_order"), 500),
        (ImproperlyConfigured("x"), 500),
        (views.UploadRefused("x"), 503),
    ],
)
def test_an_error_has_its_page(visitor, broken, error, status):
    broken(error)
    answer = visitor.get("/page")
    assert answer.status_code == status
    assert f"{status} by the site" in answer.text
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers.get("Retry-After") == ("10" if status == 503 else None)


def test_an_absent_database_is_a_503_and_the_log_names_the_command(
    visitor, broken, monkeypatch, caplog
):
    monkeypatch.setattr(database, "connections", ConnectionHandler({"default": {}}))
    broken(ImproperlyConfigured("settings.DATABASES is improperly configured."))
    answer = visitor.get("/page")
    assert answer.status_code == 503
    assert "heroku" not in answer.text
    assert "heroku addons:create heroku-postgresql" in caplog.text


def test_an_exhausted_pool_is_a_503_and_the_log_names_the_config_var_once_a_minute(
    visitor, broken, monkeypatch, caplog
):
    monkeypatch.setenv("DATABASE_POOL_SIZE", "5")
    error = OperationalError("couldn't get a connection after 10.00 sec")
    error.__cause__ = PoolTimeout()
    broken(error)
    assert {visitor.get("/page").status_code for _ in range(3)} == {503}
    messages = [r.getMessage() for r in caplog.records if r.name == "dyno.views.pool"]
    [message] = messages
    assert "5 at most (DATABASE_POOL_SIZE)" in message
    assert "Fix: heroku pg:ps" in message


def test_a_forgotten_migration_is_a_500_and_the_log_names_the_commands(
    visitor, broken, caplog
):
    broken(OperationalError("no such column: shop_order.note"))
    assert visitor.get("/page").status_code == 500
    assert "python manage.py makemigrations" in caplog.text


@pytest.mark.parametrize("status, templates", [(500, "broken"), (503, [])])
def test_an_error_has_a_plain_page_if_the_template_fails(
    visitor, broken, tmp_path, settings, status, templates
):
    broken(RuntimeError("x") if status == 500 else OperationalError("x"))
    if templates:
        (tmp_path / f"{status}.html").write_text("{" + "% nosuch %" + "}")
        templates = [settings.TEMPLATES[0] | {"DIRS": [tmp_path]}]
    with override_settings(TEMPLATES=templates, STORAGES={}):
        answer = visitor.get("/page")
    assert answer.status_code == status
    assert "<h1>Please try again in a moment</h1>" in answer.text


def test_the_error_page_and_its_event_have_the_request_id(visitor, broken):
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logs.LogfmtFormatter())
    logging.root.addHandler(handler)
    token = logs.request_id.set(ID)
    try:
        broken(RuntimeError("it broke"))
        assert f"<code>{ID}</code>" in visitor.get("/page").text
    finally:
        logs.request_id.reset(token)
        logging.root.removeHandler(handler)
    [line] = stream.getvalue().splitlines()
    assert f"level=error logger=django.request request_id={ID} " in line
    assert "RuntimeError: it broke" in line
    assert "SECRET_KEY" not in line


def test_an_errors_report_hides_the_urls_that_hold_passwords(settings):
    settings.CACHES = {"default": {"LOCATION": "rediss://:a-secret@h:1"}}
    settings.MY_URL = "smtp://u:a-secret@h"
    settings.MAILERS = {"default": {"OPTIONS": {"username": "a-secret-token"}}}
    assert "a-secret" not in str(logs.ReportFilter().get_safe_settings())


def test_an_errors_report_hides_what_a_form_holds(rf):
    request = rf.post("/", {"iban": "a-secret"})
    hidden = logs.ReportFilter().get_post_parameters(request)
    assert list(hidden) == ["iban"] and "a-secret" not in str(hidden)
