"""The mail server, from the config vars; nothing is sent in the clear over a network.

settings.py imports this module, so it reads no settings when it is loaded.
"""

import logging
from collections.abc import Mapping
from email.utils import getaddresses
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from django.core.mail.backends.base import BaseEmailBackend
from django.utils.log import AdminEmailHandler

logger = logging.getLogger(__name__)

ATTACH = (
    "heroku config:set EMAIL_URL=smtp://USER:PASSWORD@HOST:587, "
    "or heroku addons:create mailgun:starter"
)

# Config vars that hold a whole URL: ours, then those of add-ons.
URLS = ("EMAIL_URL", "CLOUDMAILIN_SMTP_URL", "MAILERTOGO_URL")

# The config vars of other add-ons: host, user and password. SendGrid sets no host.
ADD_ONS = (
    ("MAILGUN_SMTP_SERVER", "MAILGUN_SMTP_LOGIN", "MAILGUN_SMTP_PASSWORD"),
    ("POSTMARK_SMTP_SERVER", "POSTMARK_API_TOKEN", "POSTMARK_API_TOKEN"),
    ("smtp.sendgrid.net", "SENDGRID_USERNAME", "SENDGRID_PASSWORD"),
)


def server_url(environ: Mapping[str, str]) -> str:
    """Return the URL of the mail server that these config vars name, or ""."""
    urls = [environ[name] for name in URLS if environ.get(name)]
    for host, *login in ADD_ONS:
        user, password = (quote(environ.get(name, ""), safe="") for name in login)
        if user and password:
            urls.append(f"smtp://{user}:{password}@{environ.get(host, host)}:587")
    return next(iter(urls), "")


def options(url: str, *, local: bool = False) -> dict[str, Any]:
    """Return the options of Django's SMTP backend for this URL.

    smtp:// means STARTTLS, smtps:// TLS from the first byte. In development, smtp:// to
    this machine means neither, for a tool such as Mailpit. Raises ValueError.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise ValueError("not a URL") from None  # without the URL
    is_smtp = parts.scheme in ("smtp", "smtps")
    has_more = parts.path.strip("/") or parts.fragment
    if not parts.hostname or not is_smtp or has_more:
        raise ValueError("not smtp://USER:PASSWORD@HOST:587")
    tls = parts.scheme == "smtps"
    default_port = 465 if tls else 587
    needs_no_tls = local and parts.hostname in ("localhost", "127.0.0.1", "::1")
    return {
        "host": parts.hostname,
        "port": port or default_port,
        "username": unquote(parts.username or ""),
        "password": unquote(parts.password or ""),
        "use_ssl": tls,
        "use_tls": not tls and not needs_no_tls,
        "timeout": 5,  # seconds
    }


def mailer(environ: Mapping[str, str], *, local: bool) -> dict[str, Any]:
    """Return Django's MAILERS["default"] for these config vars.

    A check reports an unusable URL in the release, so that the build can go on.
    """
    url = server_url(environ)
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
