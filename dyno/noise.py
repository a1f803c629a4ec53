"""Filters for what would fill the log, or the admins' mailboxes, without need."""

import logging
import re
import time

from dyno.environ import config_set


class OnceAMinute(logging.Filter):
    """Lets one record a minute and process through."""

    quiet_until = 0.0  # on time.monotonic()'s clock

    def filter(self, record: logging.LogRecord) -> bool:
        passes = time.monotonic() >= self.quiet_until
        if passes:
            self.quiet_until = time.monotonic() + 60
        return passes


class Outages(OnceAMinute):
    """Lets one traceback of a 503 a minute through, and all other errors."""

    def filter(self, record: logging.LogRecord) -> bool:
        if getattr(record, "status_code", None) != 503:
            return True
        # The access log has each; a failing /ready has a line that says why.
        return bool(record.exc_info) and super().filter(record)


class FailedConnections(OnceAMinute):
    """Lets one reason a minute through why a pool cannot connect, and nothing else."""

    def filter(self, record: logging.LogRecord) -> bool:
        return record.msg.startswith("error connecting") and super().filter(record)


class ClientErrors(OnceAMinute):
    """Makes a client's fault a warning without a traceback.

    Of unknown hosts, it lets one a minute through: scanners try them by the thousand.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        # A Referer or an Origin, which may hold a secret unless it is a mere host:
        # "… - https://… does not match".
        message = record.getMessage()
        begin, _, rest = message.partition(" - ")
        sent, found, end = rest.rpartition(" does not")
        if found and not re.fullmatch(r"https?://[\w.:-]+", sent):
            message = begin + found + end
        if "Origin checking failed" in message:
            message += "  (docs/errors.md#a-403-for-a-form)"
        unknown_host = record.name.endswith(".DisallowedHost")
        if unknown_host:
            fix = config_set("DJANGO_ALLOWED_HOSTS=NAME,NAME")
            message += f" Fix: if it is yours, {fix}"
        record.levelno = logging.WARNING
        record.levelname = "WARNING"
        record.msg = message
        record.args = ()
        record.exc_info = None
        return not unknown_host or super().filter(record)
