"""Mail, by the config var that names its server; nothing is sent in the clear."""

import logging
import threading
import time
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


def server_url(environ):
    """Return the URL of the mail server that these config vars name, or ""."""
    for name in URLS:
        if environ.get(name):
            return environ[name]
    for host, user, password in ADD_ONS:
        if environ.get(user) and environ.get(password):
            login = ":".join(quote(environ[name], safe="") for name in (user, password))
            return f"smtp://{login}@{environ.get(host, host)}:587"
    return ""


def options(url):
    """Return what Django's SMTP backend is to be told of this URL.

    smtp:// means STARTTLS, smtps:// TLS from the first byte. Raises ValueError.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        parts = host = None
    if not host or parts.scheme not in ("smtp", "smtps") or parts.path.strip("/"):
        raise ValueError
    tls = parts.scheme == "smtps"
    return {
        "host": host,
        "port": port or (465 if tls else 587),
        "username": unquote(parts.username or ""),
        "password": unquote(parts.password or ""),
        "use_ssl": tls,
        "use_tls": not tls,
        "timeout": 10,  # seconds
    }


def mailer(environ, *, local):
    """Return Django's MAILERS["default"] for these config vars.

    A URL that makes no sense is told by checks/, in the release: here it must not
    stop the build.
    """
    url = server_url(environ)
    if not url and local:
        return {"BACKEND": "django.core.mail.backends.console.EmailBackend"}
    try:
        smtp = {"OPTIONS": options(url)}
    except ValueError:
        return {"BACKEND": "mysite.mail.UnsentMail"}
    return {"BACKEND": "django.core.mail.backends.smtp.EmailBackend"} | smtp


class UnsentMail(BaseEmailBackend):
    """Sends nothing, and says so in the log with what to do: no mail is lost silently.

    It does not raise, for a visitor who asked for a new password can do nothing here.
    """

    def send_messages(self, email_messages):
        for message in email_messages:
            count = len(message.recipients())
            logger.error("Mail to %s not sent, no server is set: %s", count, ATTACH)
        return 0


class AdminMail(AdminEmailHandler):
    """Django's handler, without what would turn one error into many.

    One mail a minute, since an outage makes an error a request. From a thread of its
    own, since a mail server that hangs would hold up the error page; and what fails in
    sending is logged, since raised it would replace that page.
    """

    quiet_until = 0.0  # on time.monotonic()'s clock

    def emit(self, record):
        if time.monotonic() >= self.quiet_until:
            self.quiet_until = time.monotonic() + 60
            super().emit(record)

    def send_mail(self, *args, **kwargs):
        threading.Thread(target=self.try_to_send, args=args, kwargs=kwargs).start()

    def try_to_send(self, *args, **kwargs):
        try:
            super().send_mail(*args, **kwargs)
        except Exception as error:
            logger.error("Mail to the admins not sent: %s", error)
