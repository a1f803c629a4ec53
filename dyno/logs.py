"""The log: one event a line on stdout, as logfmt, with the router's request id."""

import contextvars
import json
import logging
import re
import uuid
from typing import Any

from django.http import HttpRequest
from django.views.debug import SafeExceptionReporterFilter

from dyno import noise

# Set for each request that Django answers, and by the worker for each task.
request_id = contextvars.ContextVar("request_id", default="-")

# What needs no quotes as a value.
BARE = re.compile(r"[\w./:,%+-]+")

# What ends a line or a value, and surrogates, which cannot be encoded.
ESCAPED = re.compile(r'["\\\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]')

# In characters, so that a line stays under 10 000 bytes, at which Heroku splits it.
ID_SIZE = 200
FIELD_SIZE = 350
MESSAGE_SIZE = 1_500
TRACEBACK_SIZE = 6_000


def config(level: str, *, admins: bool = False) -> dict[str, Any]:
    """Return Django's LOGGING. An unknown `level` means INFO.

    With `admins`, errors are also mailed to the addresses in settings.ADMINS. Another
    formatter under the name "logfmt" formats all lines, gunicorn's too.
    """
    level = level.upper()
    if level not in logging.getLevelNamesMapping():
        level = "INFO"
    stdout = {
        "class": "logging.StreamHandler",
        "stream": "ext://sys.stdout",
        "formatter": "logfmt",
        "filters": ["request id"],
    }
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"logfmt": {"()": LogfmtFormatter}},
        "filters": {
            "client errors": {"()": noise.ClientErrors},
            "once a minute": {"()": noise.OnceAMinute},
            "outages": {"()": noise.Outages},
            "pools": {"()": noise.FailedConnections},
            "request id": {"()": RequestId},
        },
        "handlers": {
            "stdout": stdout,
            "client errors": stdout | {"filters": ["request id", "client errors"]},
            "admins": {
                "class": "dyno.mail.AdminMail",
                "level": "ERROR",
                "filters": ["once a minute"],
            },
        },
        "root": {"handlers": ["stdout"], "level": level},
        "loggers": {
            "django": {"handlers": ["admins"] if admins else []},
            # What clients do wrong is not mailed.
            "django.security": {"handlers": ["client errors"], "propagate": False},
            # The access log has every 4xx already.
            "django.request": {"level": "ERROR", "filters": ["outages"]},
            # At INFO it logs each use of a connection.
            "psycopg.pool": {"level": "WARNING", "filters": ["pools"]},
            # gunicorn warns of the body that Django sends in reply to a HEAD.
            "gunicorn.http.wsgi": {"level": "ERROR"},
        },
    }


def clean_request_id(sent: str | None) -> str:
    """Return the id that the router sent, or a new one if it cannot be the router's.

    The router passes on a client's own X-Request-Id if it has 20 to 200 letters, digits
    and dashes: https://devcenter.heroku.com/articles/http-request-id
    """
    if sent and re.fullmatch(r"[A-Za-z0-9-]{20,200}", sent):
        return sent
    return str(uuid.uuid4())


def quote(text: str) -> str:
    """Return a value for logfmt: one line, quoted if needed."""
    if BARE.fullmatch(text):
        return text
    return f'"{ESCAPED.sub(escape, text)}"'


def escape(match: re.Match[str]) -> str:
    r"""Return a character as JSON writes it: \" or \n or \u0000."""
    return json.dumps(match[0])[1:-1]


class LogfmtFormatter(logging.Formatter):
    """Formats a record as level, logger, request id, message or fields, and traceback.

    Fields come from a call such as logger.info("…", extra={"fields": {"status": 200}}).
    There is no time: Heroku, Docker and systemd add it.
    """

    def format(self, record: logging.LogRecord) -> str:
        line = f"level={record.levelname.lower()} logger={record.name}"
        sent_id = getattr(record, "request_id", request_id.get())
        line += f" request_id={quote(sent_id[:ID_SIZE])}"
        fields = getattr(record, "fields", None)
        if fields is None:
            line += f" message={quote(record.getMessage()[:MESSAGE_SIZE])}"
        else:
            for name, value in fields.items():
                line += f" {name}={quote(str(value)[:FIELD_SIZE])}"
        if record.exc_info:
            # The error stands at the end of a traceback.
            text = self.formatException(record.exc_info)
            line += f" traceback={quote(text[-TRACEBACK_SIZE:])}"
        return line


class RequestId(logging.Filter):
    """Gives each record its request's id, for formatters other than LogfmtFormatter."""

    def filter(self, record: logging.LogRecord) -> bool:
        if not hasattr(record, "request_id"):
            record.request_id = request_id.get()
        return True


class ReportFilter(SafeExceptionReporterFilter):
    """Django's filter for error reports, which also hides what a form holds.

    And URLs with passwords, and user names, since some mail servers take a token.
    """

    hidden_settings = re.compile(
        SafeExceptionReporterFilter.hidden_settings.pattern + "|LOCATION|URL|USER", re.I
    )

    def get_post_parameters(self, request: HttpRequest | None) -> dict[str, str]:
        """Return the names of a form's fields with their values hidden."""
        if request is None:
            return {}
        return dict.fromkeys(request.POST, self.cleansed_substitute)
