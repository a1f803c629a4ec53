"""The log: one event a line on stdout, as logfmt, with the router's request id."""

import contextvars
import logging
import os
import re
import threading
import time
import uuid
from typing import Any

from dyno.database import is_unavailable

# Set for each request that Django answers, and by the worker for each task.
request_id = contextvars.ContextVar("request_id", default="-")

# Heroku splits lines at 10 000 bytes. A character takes at most ten, as an escape.
MESSAGE_CHARACTERS = 2_000
TRACEBACK_CHARACTERS = 6_000
LINE_BYTES = 9_900

LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")

REQUEST_ID = re.compile(r"[A-Za-z0-9-]{20,200}")

# What would end a line or a value, and surrogates, which no encoding accepts.
NOT_PLAIN = r"\\\"\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff"
BARE = re.compile(rf"[^\s={NOT_PLAIN}]+")
ESCAPED = re.compile(f"[{NOT_PLAIN}]")


def config(level: str, *, admins: bool = False) -> dict[str, Any]:
    """Return Django's LOGGING. An unknown `level` means INFO.

    With `admins`, errors are also mailed to the addresses in settings.ADMINS.
    """
    level = level.upper() if level.upper() in LEVELS else "INFO"
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"logfmt": {"()": LogfmtFormatter}},
        "filters": {
            "outages": {"()": Outages},
            "unknown_hosts": {"()": UnknownHosts},
            "without_queries": {"()": WithoutQueries},
        },
        "handlers": {
            "stdout": {
                "class": "logging.StreamHandler",
                "stream": "ext://sys.stdout",
                "formatter": "logfmt",
            },
            "admins": {"class": "dyno.mail.AdminMail", "level": "ERROR"},
        },
        "root": {"handlers": ["stdout"], "level": level},
        "loggers": {
            "django": {"handlers": ["admins"] if admins else []},
            # The access log has every 4xx already.
            "django.request": {"level": "ERROR", "filters": ["outages"]},
            "django.security.DisallowedHost": {"filters": ["unknown_hosts"]},
            "django.security.csrf": {"filters": ["without_queries"]},
            # gunicorn warns of the body that Django sends in reply to a HEAD.
            "gunicorn.http.wsgi": {"level": "ERROR"},
        },
    }


def clean_request_id(sent: str | None) -> str:
    """Return the id that the router sent, or a new one if a client made it up.

    The router passes on a client's own X-Request-Id if it has 20 to 200 letters, digits
    and dashes: https://devcenter.heroku.com/articles/http-request-id
    """
    if sent and REQUEST_ID.fullmatch(sent):
        return sent
    return str(uuid.uuid4())


def quote(value: object) -> str:
    """Return `value` as a logfmt value: one line, in quotes where it needs them."""
    text = str(value)
    if BARE.fullmatch(text):
        return text
    return '"' + ESCAPED.sub(escape, text) + '"'


def escape(match: re.Match[str]) -> str:
    """Return a character that ends a line or a value in its escaped form."""
    character = match[0]
    if character in '\\"':
        return "\\" + character
    return character.encode("unicode_escape").decode()


def timestamp() -> str:
    """Return "time=… " with the time in UTC, or "" on Heroku, whose log has its own."""
    if "DYNO" in os.environ:
        return ""
    return time.strftime("time=%Y-%m-%dT%H:%M:%SZ ", time.gmtime())


class LogfmtFormatter(logging.Formatter):
    """Formats a record as level, logger, request id, message and traceback."""

    def format(self, record: logging.LogRecord) -> str:
        """Return one line of fewer than 10 000 bytes."""
        line = (
            f"{timestamp()}level={record.levelname.lower()} logger={record.name}"
            f" request_id={request_id.get()}"
            f" message={quote(record.getMessage()[:MESSAGE_CHARACTERS])}"
        )
        if record.exc_info and not record.exc_text:
            record.exc_text = self.formatException(record.exc_info)
        if record.exc_text:
            # The error stands at the end of a traceback, so its beginning is cut.
            line += f" traceback={quote(record.exc_text[-TRACEBACK_CHARACTERS:])}"
        return shorten(line)


def shorten(line: str) -> str:
    """Return a line of at most LINE_BYTES with its end, cut in the middle."""
    encoded = line.encode()
    if len(encoded) <= LINE_BYTES:
        return line
    half = LINE_BYTES // 2
    start, end = (
        part.decode(errors="ignore") for part in (encoded[:half], encoded[-half + 9 :])
    )
    return start.rstrip("\\") + " … " + end


class OnceAMinute(logging.Filter):
    """Lets one record a minute and process through."""

    def __init__(self) -> None:
        super().__init__()
        self.lock = threading.Lock()
        self.quiet_until = 0.0  # on time.monotonic()'s clock

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether the last record is a minute old."""
        with self.lock:
            if time.monotonic() < self.quiet_until:
                return False
            self.quiet_until = time.monotonic() + 60
        return True


class Outages(OnceAMinute):
    """Lets one error a minute through while the database is away, and all others."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether this is no outage, or the first one in a minute."""
        error = record.exc_info[1] if record.exc_info else None
        return not is_unavailable(error) or super().filter(record)


class UnknownHosts(OnceAMinute):
    """Lets one unknown host a minute through: scanners try them by the thousand."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether to log this one, as a warning with the command for owners."""
        if not super().filter(record):
            return False
        # Not an error of the site, so it is not mailed to DJANGO_ADMINS.
        record.levelno, record.levelname = logging.WARNING, "WARNING"
        record.exc_info = None
        record.msg = (
            f"{record.getMessage()} If it is one of yours, list all of yours. "
            "Fix: heroku config:set DJANGO_ALLOWED_HOSTS=www.example.com,example.com"
        )
        record.args = ()
        return True


class WithoutQueries(logging.Filter):
    """Takes the query, which may hold secrets, out of each address in a message."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Return True, with the message changed."""
        record.msg, record.args = re.sub(r"\?\S*", "?…", record.getMessage()), ()
        return True
