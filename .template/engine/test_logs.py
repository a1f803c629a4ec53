"""What an operator reads in `heroku logs`."""

import io
import json
import logging
import re
import time

import pytest
from django.core.exceptions import TooManyFieldsSent
from django.db import OperationalError
from django.test import Client

from dyno import logs, noise

ID = "3b241101-e2bb-4255-8caf-4136c566a962"


@pytest.fixture
def lines():
    """Return a function that tells the lines of the log."""
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


def test_no_event_is_longer_than_a_line_of_herokus(lines):
    try:
        raise ValueError(20_000 * "a" + " the end")
    except ValueError:
        logger.exception("the start " + 20_000 * "a")
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
    "value", ["", "a=b", 'a "b" \\', "a\nlevel=info", "\x9b", "\ud800"]
)
def test_what_a_client_sends_stays_in_its_quotes(value):
    quoted = logs.quote(value)
    assert re.fullmatch(r'"(\\.|[^"\\\x00-\x1f\x7f-\x9f])*"', quoted)
    assert json.loads(quoted.encode()) == value


@pytest.mark.parametrize(
    "sent, kept",
    [
        (ID, True),
        ("a" * 200, True),
        ("a" * 201, False),
        (None, False),
        (f"{ID}\n", False),
    ],
)
def test_the_routers_request_id_is_kept_and_another_replaced(sent, kept):
    request_id = logs.clean_request_id(sent)
    assert (request_id == sent) is kept
    assert re.fullmatch(r"[A-Za-z0-9-]{20,200}", request_id)


@pytest.fixture
def mistakes(monkeypatch):
    """Return a function that tells the lines on stdout about clients' mistakes."""
    stream = io.StringIO()
    for name in ("stdout", "client errors"):
        handler = logging.getHandlerByName(name)
        monkeypatch.setattr(handler, "stream", stream)
        for quiet in handler.filters:
            monkeypatch.setattr(quiet, "quiet_until", 0, raising=False)
    return lambda: stream.getvalue().splitlines()


def test_unknown_hosts_are_logged_once_a_minute_with_the_command(mistakes, monkeypatch):
    monkeypatch.setenv("DYNO", "web.1")
    for number in range(5):
        Client().get("/", headers={"host": f"{number}.example.com"})
    [line] = mistakes()
    assert line.startswith("level=warning logger=django.security.DisallowedHost ")
    assert "0.example.com" in line and "traceback" not in line
    assert "heroku config:set DJANGO_ALLOWED_HOSTS=" in line


def test_other_mistakes_of_clients_are_each_logged_as_a_warning(page, client, mistakes):
    def view(request):
        raise TooManyFieldsSent("too many")

    page(view)
    for _ in range(2):
        assert client.get("/page").status_code == 400
    assert len(mistakes()) == 2
    for line in mistakes():
        assert line.startswith("level=warning logger=django.security.TooManyFieldsSent")
        assert line.endswith(' message="too many"')


def test_what_a_client_does_wrong_reaches_no_handler_that_mails(
    page, client, monkeypatch
):
    mailed = []
    handler = logging.Handler(logging.ERROR)
    monkeypatch.setattr(handler, "emit", mailed.append)
    monkeypatch.setattr(logging.getLogger("django"), "handlers", [handler])
    client.raise_request_exception = False
    errors = [TooManyFieldsSent("too many"), RuntimeError("a mistake of ours")]

    def view(request):
        raise errors.pop(0)

    page(view)
    client.get("/page")
    client.get("/page")
    assert [record.name for record in mailed] == ["django.request"]


@pytest.mark.parametrize("asked, level", [("debug", "DEBUG"), ("LOUD", "INFO")])
def test_an_unknown_level_means_info(asked, level):
    assert logs.config(asked)["root"]["level"] == level


def test_the_pools_do_not_log_each_use_of_a_connection():
    assert not logging.getLogger("psycopg.pool").isEnabledFor(logging.INFO)


def test_errors_are_mailed_only_if_there_are_admins():
    assert logs.config("")["loggers"]["django"]["handlers"] == []
    assert logs.config("", admins=True)["loggers"]["django"]["handlers"] == ["admins"]


def test_an_outage_is_logged_once_a_minute_and_every_other_error(
    client, page, caplog, monkeypatch
):
    for quiet in logging.getLogger("django.request").filters:
        monkeypatch.setattr(quiet, "quiet_until", 0)
    client.raise_request_exception = False
    errors = [OperationalError("away")] * 3 + [RuntimeError("a mistake")] * 3

    def view(request):
        raise errors.pop(0)

    page(view)
    for _ in range(6):
        client.get("/page")
    seen = [str(record.exc_info[1]) for record in caplog.records if record.exc_info]
    assert seen == ["away"] + ["a mistake"] * 3


def test_a_pool_that_cannot_connect_says_why_once_a_minute(caplog, monkeypatch):
    pool = logging.getLogger("psycopg.pool")
    for quiet in pool.filters:
        monkeypatch.setattr(quiet, "quiet_until", 0)
    for _ in range(3):
        pool.warning("rolling back returned connection: %s", "one")
        pool.warning("error connecting in %r: %s", "pool-1", "refused")
    assert caplog.messages == ["error connecting in 'pool-1': refused"]


def test_a_client_that_sends_another_sites_form_cannot_log_a_query(caplog):
    client = Client(enforce_csrf_checks=True)
    referer = {"referer": "https://evil.example.com/?token=secret"}
    client.post("/plain?token=secret", secure=True, headers=referer)
    assert "Forbidden" in caplog.text
    assert "secret" not in caplog.text


def post_from(origin, caplog):
    """Return what the log says of a form that claims to come from there."""
    client = Client(enforce_csrf_checks=True)
    client.post("/plain", secure=True, headers={"origin": origin})
    [message] = [text for text in caplog.messages if "Forbidden" in text]
    return message


def test_the_origin_that_a_cdn_hides_is_told(caplog):
    said = post_from("https://www.example.com:8443", caplog)
    assert "https://www.example.com:8443 does not match any trusted origins" in said
    assert said.endswith("(docs/errors.md#a-403-for-a-form)")


@pytest.mark.parametrize(
    "origin",
    [
        "https://me:a-secret@example.com",
        "https://example.com/a-secret",
        "https://example.com does not match a-secret does not match any",
    ],
)
def test_an_origin_that_is_more_than_a_host_is_not_logged(caplog, origin):
    assert "a-secret" not in post_from(origin, caplog)


def test_a_warning_is_one_line_on_stdout(python):
    code = (
        "import warnings; from gunicorn.config import Config;"
        "from dyno.server import LogfmtLogger; LogfmtLogger(Config());"
        "warnings.simplefilter('always'); warnings.warn('it is old')"
    )
    result = python("-c", code, DYNO="web.1")
    assert result.stderr == ""
    [warning] = result.stdout.splitlines()
    assert warning.startswith("level=warning logger=py.warnings ")
    assert "UserWarning: it is old" in warning


def test_one_line_of_the_settings_makes_every_line_json(python):
    code = """
import json, logging, logging.config, types
from datetime import timedelta
from gunicorn.config import Config
from dyno import logs, noise
from dyno.server import LogfmtLogger

class Json(logging.Formatter):
    def format(self, record):
        event = {"id": record.request_id, "text": record.getMessage()}
        return json.dumps(event | {"fields": getattr(record, "fields", None)})

gunicorn = LogfmtLogger(Config())
config = logs.config("")
config["formatters"]["logfmt"] = {"()": Json}
logging.config.dictConfig(config)
logs.request_id.set("of-django")
logging.getLogger("shop").warning("of the owner")
gunicorn.info("of gunicorn")
response = types.SimpleNamespace(status="200 OK", sent=1)
request = types.SimpleNamespace(method="GET", path="/")
gunicorn.access(response, request, {"dyno.request_id": "an-id"}, timedelta(0))
"""
    lines = [json.loads(line) for line in python("-c", code).stdout.splitlines()]
    owner, gunicorn, access = lines
    assert (owner["id"], owner["text"]) == ("of-django", "of the owner")
    assert gunicorn["text"] == "of gunicorn"
    assert (access["id"], access["text"]) == ("an-id", "GET /")
    assert access["fields"]["status"] == "200"


@pytest.mark.parametrize("piece", [" - ", " - does not "])
def test_a_client_cannot_make_the_log_slow(piece):
    """The time grows with the length, not with its square."""

    def seconds(length):
        message = piece * length
        record = logging.makeLogRecord({"name": "csrf", "msg": message})
        started = time.perf_counter()
        for _ in range(20):
            noise.ClientErrors().filter(record)
        return time.perf_counter() - started

    seconds(100)
    assert seconds(20_000) < 200 * 10 * max(seconds(100), 1e-4)
