"""The mail server, from the config vars; nothing is sent in the clear over a network.

settings.py imports this module, so it reads no settings when it is loaded.
"""

import logging
from collections.abc import Mapping
from email.utils import getaddresses
from typing import Any
from urllib.parse import unquote, urlsplit

from django.core.mail.backends.base import BaseEmailBackend
from django.utils.log import AdminEmailHandler

from dyno.environ import config_set

logger = logging.getLogger(__name__)

ATTACH = config_set("EMAIL_URL=smtp://USER:PASSWORD@HOST:587")

PORTS = {"smtp": 587, "smtps": 465}


def options(url: str, *, local: bool = False) -> dict[str, Any]:
    """Return the options of Django's SMTP backend for this URL.

    smtp:// means STARTTLS, smtps:// TLS from the first byte. In development, smtp:// to
    this machine means neither, for a tool such as Mailpit. Raises ValueError.
    """
    parts = urlsplit(url)
    # A password with a character that has a meaning in a URL ends there.
    has_more = parts.path.strip("/") or parts.fragment or "@" in parts.query
    if parts.scheme not in PORTS or not parts.hostname or has_more:
        raise ValueError("not smtp://USER:PASSWORD@HOST:587")
    needs_no_tls = local and parts.hostname in ("localhost", "127.0.0.1", "::1")
    return {
        "host": parts.hostname,
        "port": parts.port or PORTS[parts.scheme],
        "username": unquote(parts.username or ""),
        "password": unquote(parts.password or ""),
        "use_ssl": parts.scheme == "smtps",
        "use_tls": parts.scheme == "smtp" and not needs_no_tls,
        "timeout": 5,  # seconds
    }


def mailer(environ: Mapping[str, str], *, local: bool) -> dict[str, Any]:
    """Return Django's MAILERS["default"] for these config vars.

    A check reports an unusable URL in the release, so that the build can go on.
    """
    url = environ.get("EMAIL_URL", "")
    if not url and local:
        return {"BACKEND": "django.core.mail.backends.console.EmailBackend"}
    try:
        smtp = "django.core.mail.backends.smtp.EmailBackend"
        return {"BACKEND": smtp, "OPTIONS": options(url, local=local)}
    except ValueError:
        return {"BACKEND": "dyno.mail.UnsentMail"}


def addresses(text: str) -> list[str]:
    """Return the addresses in a comma-separated list; names beside them are dropped."""
    return [address for _, address in getaddresses([text]) if address]


class UnsentMail(BaseEmailBackend):
    """Sends nothing, and logs what to do, so no mail is lost silently.

    It does not raise: a visitor who asked for a new password can do nothing about it.
    """

    def send_messages(self, email_messages: list[Any]) -> int:
        """Log each message, and return 0."""
        for _ in email_messages:
            logger.error("Mail not sent, no server is set. Fix: %s", ATTACH)
        return 0


class AdminMail(AdminEmailHandler):
    """Django's handler, which logs a mail that cannot be sent.

    Raised, the failure would replace the error page.
    """

    def emit(self, record: logging.LogRecord) -> None:
        """Send a mail about a record."""
        try:
            super().emit(record)
        except Exception as error:
            logger.error("Mail to the admins not sent: %s", error)
