"""One event a line on stdout, as logfmt, with the router's request id in each."""

import contextvars
import logging
import re
import threading
import time
import uuid

# Set by wsgi.py for each request, and by the worker for each task.
request_id = contextvars.ContextVar("request_id", default="-")

# Heroku splits lines at 10 000 bytes.
LINE_BYTES = 9_500
MESSAGE_BYTES = 4_000

LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")

REQUEST_ID = re.compile(r"[A-Za-z0-9-]{20,200}")

# What would end a line or a value, and half characters, which no encoding takes.
NOT_PLAIN = r"\\\"\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff"
BARE = re.compile(rf"[^\s={NOT_PLAIN}]+")
ESCAPED = re.compile(f"[{NOT_PLAIN}]")


def config(level, *, admins):
    """Return Django's LOGGING; `level` is a level's name, or INFO if it is none.

    With `admins`, the tracebacks of errors are mailed to them too.
    """
    level = level.upper() if level.upper() in LEVELS else "INFO"
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"logfmt": {"()": LogfmtFormatter}},
        "filters": {"unknown_hosts": {"()": UnknownHosts}},
        "handlers": {
            "stdout": {
                "class": "logging.StreamHandler",
                "stream": "ext://sys.stdout",
                "formatter": "logfmt",
            },
            "admins": {
                "class": "mysite.mail.AdminMail",
                "level": "ERROR",
            },
        },
        "root": {"handlers": ["stdout"], "level": level},
        "loggers": {
            "django": {"handlers": ["admins"] if admins else []},
            # The access log has every 4xx already.
            "django.request": {"level": "ERROR"},
            "django.security.DisallowedHost": {"filters": ["unknown_hosts"]},
            # gunicorn warns of the body that Django sends to a HEAD.
            "gunicorn.http.wsgi": {"level": "ERROR"},
        },
    }


def clean_request_id(sent):
    """Return the id that the router sent, or a new one where a client made it up.

    The router passes a client's own X-Request-Id on if it is 20 to 200 characters of
    letters, digits and dashes: https://devcenter.heroku.com/articles/http-request-id
    """
    if sent and REQUEST_ID.fullmatch(sent):
        return sent
    return str(uuid.uuid4())


def quote(value):
    """Return `value` as a logfmt value: one line, in quotes where it needs them."""
    value = str(value)
    if BARE.fullmatch(value):
        return value
    return '"' + ESCAPED.sub(escape, value) + '"'


def escape(match):
    character = match[0]
    if character in '\\"':
        return "\\" + character
    return character.encode("unicode_escape").decode()


def quote_within(size, text, *, keep_end=False):
    """Return `text` as a logfmt value of at most `size` bytes, cut if it must be."""
    text = text[-size:] if keep_end else text[:size]
    while len((quoted := quote(text)).encode()) > size:
        rest = len(text) * 7 // 8
        text = text[-rest:] if keep_end else text[:rest]
    return quoted


class LogfmtFormatter(logging.Formatter):
    """level, logger, request id, message and traceback, on one line."""

    def format(self, record):
        line = (
            f"level={record.levelname.lower()} logger={record.name}"
            f" request_id={request_id.get()}"
            f" message={quote_within(MESSAGE_BYTES, record.getMessage())}"
        )
        if record.exc_info and not record.exc_text:
            record.exc_text = self.formatException(record.exc_info)
        if record.exc_text:
            # The error stands at the end of a traceback.
            size = LINE_BYTES - len(line.encode())
            line += f" traceback={quote_within(size, record.exc_text, keep_end=True)}"
        return line


class OnceAMinute(logging.Filter):
    """Lets one record a minute and process through, without its traceback."""

    def __init__(self):
        super().__init__()
        self.lock = threading.Lock()
        self.quiet_until = 0.0  # on time.monotonic()'s clock

    def filter(self, record):
        with self.lock:
            if time.monotonic() < self.quiet_until:
                return False
            self.quiet_until = time.monotonic() + 60
        record.exc_info = None
        return True


class UnknownHosts(OnceAMinute):
    """What is told of scanners, which try hosts by the thousand, and to an owner."""

    def filter(self, record):
        if not super().filter(record):
            return False
        # No error of the site's, so it is not mailed to DJANGO_ADMINS.
        record.levelno, record.levelname = logging.WARNING, "WARNING"
        record.msg = (
            f"{record.getMessage()} If it is one of yours, list all of yours: "
            "heroku config:set DJANGO_ALLOWED_HOSTS=www.example.com,example.com"
        )
        return True
