"""Mail, from the config var that names its server."""

from urllib.parse import unquote, urlsplit


def mailer(environ, *, local):
    """Return Django's MAILERS["default"] for these config vars.

    EMAIL_URL is smtp://USER:PASSWORD@HOST:587 (STARTTLS) or smtps://…:465 (TLS).
    """
    url = urlsplit(environ.get("EMAIL_URL", ""))
    if url.scheme not in ("smtp", "smtps"):
        kind = "console" if local else "dummy"
        return {"BACKEND": f"django.core.mail.backends.{kind}.EmailBackend"}
    return {
        "BACKEND": "django.core.mail.backends.smtp.EmailBackend",
        "OPTIONS": {
            "host": url.hostname,
            "port": url.port or (465 if url.scheme == "smtps" else 587),
            "username": unquote(url.username or ""),
            "password": unquote(url.password or ""),
            "use_ssl": url.scheme == "smtps",
            "use_tls": url.scheme == "smtp",
            "timeout": 10,
        },
    }
