"""The log: one event a line on stdout, as logfmt, with the router's request id."""

import contextvars
import logging
import os
import re
import time
import uuid
from typing import Any

from django.http import HttpRequest
from django.views.debug import SafeExceptionReporterFilter

from dyno import noise

# Set for each request that Django answers, and by the worker for each task.
request_id = contextvars.ContextVar("request_id", default="-")

LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")

# Characters that end a line or a value, and surrogates, which cannot be encoded.
CONTROL = r"\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff"
BARE = re.compile(rf"[^\s=\\\"{CONTROL}]+")

# The loggers below django.security whose records say what a client did wrong.
CLIENTS = [
    "csrf",
    "DisallowedModelAdminLookup",
    "DisallowedModelAdminToField",
    "DisallowedRedirect",
    "RequestDataTooBig",
    "SuspiciousFileOperation",
    "SuspiciousOperation",
    "TooManyFieldsSent",
    "TooManyFilesSent",
]


def config(level: str, *, admins: bool = False) -> dict[str, Any]:
    """Return Django's LOGGING. An unknown `level` means INFO.

    With `admins`, errors are also mailed to the addresses in settings.ADMINS. Another
    formatter under the name "logfmt" formats all lines, gunicorn's too.
    """
    level = level.upper()
    loggers = {
        "django": {"handlers": ["admins"] if admins else []},
        # The access log has every 4xx already.
        "django.request": {"level": "ERROR", "filters": ["outages"]},
        "django.security.DisallowedHost": {"filters": ["hosts"]},
        "psycopg.pool": {"filters": ["pools"]},
        # gunicorn warns of the body that Django sends in reply to a HEAD.
        "gunicorn.http.wsgi": {"level": "ERROR"},
    }
    for name in CLIENTS:
        loggers[f"django.security.{name}"] = {"filters": ["clients"]}
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"logfmt": {"()": LogfmtFormatter}},
        "filters": {
            "clients": {"()": noise.ClientErrors},
            "hosts": {"()": noise.UnknownHosts},
            "once a minute": {"()": noise.OnceAMinute},
            "outages": {"()": noise.Outages},
            "pools": {"()": noise.FailedConnections},
            "request id": {"()": RequestId},
        },
        "handlers": {
            "stdout": {
                "class": "logging.StreamHandler",
                "stream": "ext://sys.stdout",
                "formatter": "logfmt",
                "filters": ["request id"],
            },
            "admins": {
                "class": "dyno.mail.AdminMail",
                "level": "ERROR",
                "filters": ["once a minute"],
            },
        },
        "root": {
            "handlers": ["stdout"],
            "level": level if level in LEVELS else "INFO",
        },
        "loggers": loggers,
    }


def clean_request_id(sent: str | None) -> str:
    """Return the id that the router sent, or a new one if it cannot be the router's.

    The router passes on a client's own X-Request-Id if it has 20 to 200 letters, digits
    and dashes: https://devcenter.heroku.com/articles/http-request-id
    """
    if sent and re.fullmatch(r"[A-Za-z0-9-]{20,200}", sent):
        return sent
    return str(uuid.uuid4())


def quote(value: object, size: int, *, keep_end: bool = False) -> str:
    """Return a value for logfmt in at most `size` bytes: one line, quoted if needed."""
    text = str(value)
    while True:
        text = text[-size:] if keep_end else text[:size]
        quoted = text
        if not BARE.fullmatch(text):
            escaped = re.sub(r'["\\]', r"\\\g<0>", text)
            escaped = re.sub(f"[{CONTROL}]", escape, escaped)
            quoted = f'"{escaped}"'
        if len(quoted.encode()) <= size:
            return quoted
        size_of_text = len(text) * 7 // 8
        text = text[-size_of_text:] if keep_end else text[:size_of_text]


def escape(match: re.Match[str]) -> str:
    r"""Return a control character as Python writes it: \n or \x00."""
    return ascii(match[0])[1:-1]


class LogfmtFormatter(logging.Formatter):
    """Formats a record as level, logger, request id, message or fields, and traceback.

    Fields come from a call such as logger.info("…", extra={"fields": {"status": 200}}).
    On Heroku, whose log has its own, a line has no time. It has fewer than 10 000
    bytes, at which Heroku splits it.
    """

    def format(self, record: logging.LogRecord) -> str:
        line = f"level={record.levelname.lower()} logger={record.name}"
        if "DYNO" not in os.environ:
            now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(record.created))
            line = f"time={now} {line}"
        sent_id = getattr(record, "request_id", request_id.get())
        line += f" request_id={quote(sent_id, 200)}"
        fields = getattr(record, "fields", None)
        if fields is None:
            line += f" message={quote(record.getMessage(), 3_000)}"
        else:
            for name, value in fields.items():
                line += f" {name}={quote(value, 1_000)}"
        if record.exc_info:
            # The error stands at the end of a traceback.
            text = self.formatException(record.exc_info)
            line += f" traceback={quote(text, 6_500, keep_end=True)}"
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
