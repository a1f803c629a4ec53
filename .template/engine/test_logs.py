"""What an operator reads in `heroku logs`."""

import io
import json
import logging
import re

import pytest
from django.core.exceptions import TooManyFieldsSent
from django.db import OperationalError
from django.test import Client

from dyno import logs


def test_no_event_is_longer_than_a_line_of_herokus(caplog):
    try:
        raise ValueError(20_000 * "a" + " the end")
    except ValueError:
        logging.getLogger("shop").exception("the start " + 20_000 * "a")
    line = logs.LogfmtFormatter().format(caplog.records[0])
    assert len(line.encode()) < 10_000 and "\n" not in line
    assert 'message="the start ' in line
    assert 'traceback="' in line and line.endswith(' the end"')


@pytest.mark.parametrize("value", ["", 'a "b" \\', "a\nlevel=info", "\x9b", "\ud800"])
def test_what_a_client_sends_stays_in_its_quotes(value):
    quoted = logs.quote(value)
    assert re.fullmatch(r'"(\\.|[^"\\\x00-\x1f\x7f-\x9f])*"', quoted)
    assert json.loads(quoted.encode()) == value


def test_an_id_that_is_too_long_to_be_the_routers_is_replaced():
    assert logs.clean_request_id("a" * 200) == "a" * 200
    assert len(logs.clean_request_id("a" * 201)) == 36


@pytest.fixture
def lines(monkeypatch):
    """Return a function that returns the lines on stdout about clients' mistakes."""
    stream = io.StringIO()
    for name in ("stdout", "client errors"):
        handler = logging.getHandlerByName(name)
        monkeypatch.setattr(handler, "stream", stream)
        for quiet in handler.filters:
            monkeypatch.setattr(quiet, "quiet_until", 0, raising=False)
    return lambda: stream.getvalue().splitlines()


def test_unknown_hosts_are_logged_once_a_minute_with_the_command(lines, monkeypatch):
    monkeypatch.setenv("DYNO", "web.1")
    for number in range(5):
        Client().get("/", headers={"host": f"{number}.example.com"})
    [line] = lines()
    assert line.startswith("level=warning logger=django.security.DisallowedHost ")
    assert "0.example.com" in line and "traceback" not in line
    assert "heroku config:set DJANGO_ALLOWED_HOSTS=" in line


def test_a_refused_form_is_logged_with_its_origin_and_the_section(lines):
    client = Client(enforce_csrf_checks=True)
    origin = "https://www.example.com:8443"
    client.post("/plain?token=a-secret", secure=True, headers={"origin": origin})
    [line] = lines()
    assert f"{origin} does not match any trusted origins" in line
    assert "(docs/errors.md#a-403-for-a-form)" in line
    assert "a-secret" not in line


@pytest.mark.parametrize(
    "name, value",
    [
        ("referer", "https://evil.example.com/?token=a-secret"),
        ("referer", "https://user:a-secret@evil.example.com/"),
        ("origin", "a-secret"),
        ("origin", "https://evil.example.com does not match a-secret does not match"),
    ],
)
def test_a_refused_form_is_logged_without_what_a_header_may_hide(lines, name, value):
    Client(enforce_csrf_checks=True).post("/plain", secure=True, headers={name: value})
    [line] = lines()
    assert "checking failed" in line
    assert "a-secret" not in line


def test_what_a_client_does_wrong_is_a_warning_and_one_outage_a_minute_is_mailed(
    page, client, lines, monkeypatch
):
    mailed = []
    handler = logging.Handler(logging.ERROR)
    monkeypatch.setattr(handler, "emit", mailed.append)
    monkeypatch.setattr(logging.getLogger("django"), "handlers", [handler])
    for quiet in logging.getLogger("django.request").filters:
        monkeypatch.setattr(quiet, "quiet_until", 0)
    client.raise_request_exception = False
    errors = [TooManyFieldsSent("too many"), OperationalError("away")] * 2
    errors += [RuntimeError("a mistake of ours")] * 2

    def view(request):
        raise errors.pop(0)

    page(view)
    seen = [client.get("/page").status_code for _ in range(6)]
    assert seen == [400, 503, 400, 503, 500, 500]
    warning = "level=warning logger=django.security.TooManyFieldsSent"
    warnings = [line for line in lines() if line.startswith(warning)]
    assert len(warnings) == 2 and "traceback" not in warnings[0]
    causes = [str(record.exc_info[1]) for record in mailed]
    assert causes == ["away", "a mistake of ours", "a mistake of ours"]


def test_errors_are_mailed_only_if_there_are_admins():
    assert logs.config("")["loggers"]["django"]["handlers"] == []
    assert logs.config("", admins=True)["loggers"]["django"]["handlers"] == ["admins"]
