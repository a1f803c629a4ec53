"""What an operator reads in `heroku logs`."""

import io
import logging
import re

import pytest
from django.db import connection
from django.test import Client
from psycopg import sql

from mysite import logs, views

ID = "3b241101-e2bb-4255-8caf-4136c566a962"


@pytest.fixture
def lines():
    """Log all there is into a list of lines."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logs.LogfmtFormatter())
    logging.root.addHandler(handler)
    yield lambda: stream.getvalue().splitlines()
    logging.root.removeHandler(handler)


@pytest.fixture
def request_id():
    """Be in the middle of a request."""
    token = logs.request_id.set(ID)
    yield ID
    logs.request_id.reset(token)


logger = logging.getLogger("shop")


def test_an_event_is_one_line_of_logfmt(lines, request_id):
    logger.warning('A "quoted"\nword')
    assert lines() == [
        f"level=warning logger=shop request_id={ID}" r' message="A \"quoted\"\nword"'
    ]


@pytest.mark.parametrize("character", ["a", '"', "\n", "\x1b", "é", "\u2028", "\ud800"])
def test_no_event_is_longer_than_a_line_of_herokus(lines, character):
    try:
        raise ValueError(20_000 * character + " the end")
    except ValueError:
        logger.exception("the start " + 20_000 * character)
    [line] = lines()
    assert len(line.encode()) < 10_000
    assert 'message="the start ' in line
    assert line.endswith(' the end"')


def test_a_traceback_is_in_the_event_and_can_be_searched(lines):
    try:
        raise ValueError("no such shop")
    except ValueError:
        logger.exception("Broken")
    [line] = lines()
    assert re.search(r'message=Broken traceback="Traceback .*\\nValueError: no', line)


@pytest.mark.parametrize(
    "value", ["a b", 'a"b', "a=b", "a\\b", "", "a\r\nlevel=info", "\x9b"]
)
def test_what_a_client_sends_stays_in_its_quotes(value):
    quoted = logs.quote(value)
    assert re.fullmatch(r'"(\\.|[^"\\\x00-\x1f\x7f-\x9f])*"', quoted)


@pytest.mark.parametrize(
    "sent, kept",
    [(ID, True), ("a" * 200, True), ("a" * 201, False), ("short", False), (None, False)]
    + [(ID + "\n", False), (ID + " */ DROP TABLE", False), (ID + "%s", False)],
)
def test_the_routers_request_id_is_kept_and_another_replaced(sent, kept):
    request_id = logs.clean_request_id(sent)
    assert (request_id == sent) is kept
    assert re.fullmatch(r"[A-Za-z0-9-]{20,200}", request_id)


def test_the_error_page_and_its_event_bear_the_request_id(
    client, broken, lines, request_id
):
    broken(RuntimeError("it broke"))
    client.raise_request_exception = False
    assert f"quote this code: <code>{ID}</code>" in client.get("/page").text
    [line] = lines()
    assert line.startswith(f"level=error logger=django.request request_id={ID} ")
    assert "RuntimeError: it broke" in line
    assert "SECRET_KEY" not in line


def test_unknown_hosts_are_told_once_a_minute_with_the_cure(caplog, monkeypatch):
    # One for each django.setup(), which wsgi.py calls again in a test.
    for told in logging.getLogger("django.security.DisallowedHost").filters:
        monkeypatch.setattr(told, "quiet_until", 0)
    for number in range(5):
        Client().get("/", headers={"host": f"{number}.example.com"})
    [record] = caplog.records
    assert record.levelname == "WARNING" and record.exc_info is None
    assert "0.example.com" in record.getMessage()
    assert "heroku config:set DJANGO_ALLOWED_HOSTS=" in record.getMessage()


@pytest.mark.parametrize(
    "asked, level", [("", "INFO"), ("debug", "DEBUG"), ("LOUD", "INFO"), ("5", "INFO")]
)
def test_the_level_is_a_config_var_and_a_wrong_one_does_no_harm(
    settings_of, asked, level
):
    settings = settings_of(DJANGO_LOG_LEVEL=asked)
    assert settings["LOGGING"]["root"]["level"] == level


@pytest.mark.django_db
def test_postgresql_is_told_which_request_asks(request_id):
    if connection.vendor != "postgresql":
        pytest.skip("SQLite keeps no log of queries")
    comment = f"/* request_id={ID} */ "
    with connection.cursor() as cursor:
        for query, parameters in (
            ("SELECT current_query()", None),
            ("SELECT current_query(), '%'", None),
            ("SELECT current_query(), %s, '%%'", ["%s"]),
        ):
            cursor.execute(query, parameters)
            assert cursor.fetchone()[0].startswith(comment)
        cursor.execute(sql.SQL("SELECT {}").format(sql.Literal(1)))
        cursor.execute("CREATE TEMPORARY TABLE seen (query text, number int)")
        insert = "INSERT INTO seen VALUES (current_query(), %s)"
        cursor.executemany(insert, [(1,), (2,)])
        cursor.execute("SELECT count(*) FROM seen WHERE query LIKE %s", [comment + "%"])
        assert cursor.fetchone() == (2,)
    with connection.chunked_cursor() as chunked, connection.cursor() as cursor:
        chunked.execute("SELECT 1")
        cursor.execute("SELECT statement FROM pg_cursors WHERE statement LIKE 'DECL%%'")
        assert comment in cursor.fetchone()[0]


def test_warnings_and_what_ends_gunicorn_are_one_line_each_on_stdout(python):
    code = (
        "import warnings; from gunicorn.config import Config;"
        "from mysite.server import LogfmtLogger; LogfmtLogger(Config());"
        "warnings.simplefilter('always'); warnings.warn('it is old');"
        "raise RuntimeError('the end')"
    )
    result = python("-c", code)
    assert result.returncode == 1 and result.stderr == ""
    warning, error = result.stdout.splitlines()
    assert warning.startswith("level=warning logger=py.warnings ")
    assert "UserWarning: it is old" in warning
    assert error.startswith("level=critical logger=uncaught ")
    assert error.endswith(r'\nRuntimeError: the end"')


def test_an_errors_report_hides_the_urls_that_hold_passwords(settings):
    settings.CACHES = {"default": {"LOCATION": "rediss://:a-secret@h:1"}}
    assert "a-secret" not in str(views.ReportFilter().get_safe_settings())
