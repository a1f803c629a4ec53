"""Mail, from the config var that names its server."""

import logging
import threading
import time
from urllib.parse import unquote, urlsplit

from django.core.mail.backends.base import BaseEmailBackend
from django.utils.log import AdminEmailHandler

logger = logging.getLogger(__name__)

ATTACH = "heroku addons:create mailgun"
SET = "heroku config:set EMAIL_URL=smtp://USER:PASSWORD@HOST:587"

# Config vars that hold such a URL: ours first, then what add-ons set.
URLS = ("EMAIL_URL", "CLOUDMAILIN_SMTP_URL", "MAILERTOGO_URL")

# What the other add-ons set: host, user and password, for port 587 with STARTTLS.
ADD_ONS = (
    ("MAILGUN_SMTP_SERVER", "MAILGUN_SMTP_LOGIN", "MAILGUN_SMTP_PASSWORD"),
    ("POSTMARK_SMTP_SERVER", "POSTMARK_API_TOKEN", "POSTMARK_API_TOKEN"),
)


def smtp(url):
    """Return the options of Django's SMTP backend for a URL.

    smtp://USER:PASSWORD@HOST:587 means STARTTLS, smtps://USER:PASSWORD@HOST:465 means
    TLS from the start; never neither, for the password would travel in the clear.
    Raises ValueError, with half a sentence that holds nothing of the password.
    """
    try:
        parts = urlsplit(url)
        scheme, host, port = parts.scheme, parts.hostname, parts.port
    except ValueError:
        scheme = host = port = None
    if scheme not in ("smtp", "smtps") or not host or parts.path.strip("/"):
        raise ValueError(
            "is not smtp://USER:PASSWORD@HOST:PORT, or smtps:// (in the password, "
            "# must be written %23, / %2F, ? %3F, @ %40)"
        )
    return {
        "host": host,
        "port": port or (465 if scheme == "smtps" else 587),
        "username": unquote(parts.username or ""),
        "password": unquote(parts.password or ""),
        "use_ssl": scheme == "smtps",
        "use_tls": scheme == "smtp",
        "timeout": 10,  # seconds, of the request that sends the mail
    }


def mailer(environ, *, local):
    """Return Django's MAILERS["default"] for these config vars; never raises."""
    options = None
    for name in URLS:
        if environ.get(name):
            try:
                options = smtp(environ[name])
            except ValueError:
                break  # checks.py says what is wrong with it
    for host, user, password in ADD_ONS:
        pass
    if options is None:
        return {
            "BACKEND": (
                "django.core.mail.backends.console.EmailBackend"
                if local
                else "mysite.mail.UnsentMail"
            )
        }
    return {
        "BACKEND": "django.core.mail.backends.smtp.EmailBackend",
        "OPTIONS": options,
    }
