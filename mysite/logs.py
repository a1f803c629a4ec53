"""One event a line on stdout, as logfmt, with the router's request id in each."""

import contextvars
import logging
import re
import time
import uuid

# Set by wsgi.py for each request, and by the worker for each task.
request_id = contextvars.ContextVar("request_id", default="-")

# Heroku splits lines at 10 000 bytes; a message keeps its end, where the error stands.
LINE_BYTES = 9_500


def clean_request_id(sent):
    """Return the id that the router sent, or a new one where a client made it up.

    The router passes a client's own X-Request-Id on if it is 20 to 200 characters of
    letters, digits and dashes: https://devcenter.heroku.com/articles/http-request-id
    """
    if sent and re.fullmatch(r"[A-Za-z0-9-]{20,200}", sent):
        return sent
    return str(uuid.uuid4())


def quote(value):
    """Return `value` as a logfmt value: one line, in quotes where it needs them."""
    value = str(value)
    if re.fullmatch(r"[^\s\"=\\\x00-\x1f\x7f-\x9f]+", value):
        return value
    return '"' + re.sub(r'[\\"\x00-\x1f\x7f-\x9f\u2028\u2029]', escape, value) + '"'


def escape(match):
    character = match[0]
    if character in '\\"':
        return "\\" + character
    return character.encode("unicode_escape").decode()


class LogfmtFormatter(logging.Formatter):
    """level, logger, request id, message and traceback, on one line."""

    def format(self, record):
        message = record.getMessage()
        if record.exc_info and not record.exc_text:
            record.exc_text = self.formatException(record.exc_info)
        line = (
            f"level={record.levelname.lower()} logger={record.name}"
            f" request_id={request_id.get()} message={quote(message[:2_000])}"
        )
        if record.exc_text:
            room = LINE_BYTES - len(line.encode())
            traceback = quote(record.exc_text).encode()
            if len(traceback) > room:
                traceback = b'"...' + traceback[-room:]
            line += " traceback=" + traceback.decode(errors="ignore")
        return line


class OnceAMinute(logging.Filter):
    """Lets one record a minute through, and drops its traceback."""

    def __init__(self):
        super().__init__()
        self.quiet_until = 0.0

    def filter(self, record):
        if time.monotonic() < self.quiet_until:
            return False
        self.quiet_until = time.monotonic() + 60
        record.exc_info = None
        return True
