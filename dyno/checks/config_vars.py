"""The config vars, and what the settings have made of them."""

import os
import re

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.files.storage import FileSystemStorage
from django.core.validators import validate_email
from django.utils.module_loading import import_string

from dyno import mail, uploads
from dyno.checks.registry import Problems, check, error, is_local, on_heroku, warning
from dyno.checks.urls import url_problem

NEW_KEY = 'heroku config:set DJANGO_SECRET_KEY="$(openssl rand -base64 48)"'
NO_MAIL = "dyno.mail.UnsentMail"
HOST_PATTERN = re.compile(r"\*|\.?([\w-]+\.)*[\w-]+|\[[0-9a-f:.]+\]", re.IGNORECASE)


@check("configuration")
def secret_key() -> Problems:
    """Find a key that is missing, public or weak: it signs sessions and resets."""
    if is_local():
        return
    key = os.environ.get("DJANGO_SECRET_KEY", "")
    if not key and "DATABASE_URL" not in os.environ and settings.SECRET_KEY:
        cause = "DJANGO_SECRET_KEY is not set, so each boot makes a random one."
        yield warning(37, cause, NEW_KEY)
    elif not key:
        yield error(1, "DJANGO_SECRET_KEY is not set or is empty.", NEW_KEY)
    elif key.startswith("django-insecure-"):
        cause = "DJANGO_SECRET_KEY is the development key, which is public."
        yield error(1, cause, NEW_KEY)
    elif len(key) < 50 or len(set(key)) < 5:
        cause = "DJANGO_SECRET_KEY is weak: under 50 characters, or too uniform."
        yield error(1, cause, NEW_KEY)


@check("configuration")
def development_settings() -> Problems:
    """Find settings for development on a dyno, where they answer nobody."""
    dyno = os.environ.get("DYNO", "").startswith(("web.", "worker.", "release."))
    if is_local() and dyno:
        cause = "DJANGO_LOCAL is set, which means development: plain HTTP, public key."
        yield error(2, cause, "heroku config:unset DJANGO_LOCAL DJANGO_DEBUG")
    elif settings.DEBUG and not is_local():
        cause = "DEBUG is on, so an error page would show the code to every visitor."
        yield error(2, cause, "remove DEBUG = True from settings.py")
    for name in ("DEBUG", "DJANGO_DEBUG"):
        on = os.environ.get(name, "").lower() in ("1", "true", "yes", "on")
        if on and not is_local():
            cause = f"{name} has no effect here: an error page would show the code."
            more = "for a longer log: heroku config:set DJANGO_LOG_LEVEL=DEBUG"
            yield warning(35, cause, f"heroku config:unset {name}; {more}")


@check("configuration")
def hosts() -> Problems:
    """Find a list of hosts that answers nobody, or everybody."""
    fix = "DJANGO_ALLOWED_HOSTS=www.example.com,example.com"
    fix = f"heroku config:set {fix}" if on_heroku() else fix
    if not settings.ALLOWED_HOSTS:
        cause = "DJANGO_ALLOWED_HOSTS is empty, so every request would be refused."
        yield error(3, cause, fix)
    elif not all(map(HOST_PATTERN.fullmatch, settings.ALLOWED_HOSTS)):
        cause = "DJANGO_ALLOWED_HOSTS holds something that is no host name."
        yield error(3, cause, f"{fix}  (no https://, port, quotes or semicolons)")
    elif "*" in settings.ALLOWED_HOSTS:
        cause = "DJANGO_ALLOWED_HOSTS is *, so the site answers to any name."
        yield warning(38, cause, fix)


@check()
def mailer() -> Problems:
    """Find a mail server that is missing or unusable, and addresses that are none."""
    backend = getattr(settings, "MAILERS", {}).get("default", {}).get("BACKEND")
    if url := mail.server_url(os.environ):
        cause = url_problem(url, ["smtp", "smtps"])
        if not cause and backend == NO_MAIL:
            cause = "is not smtp://USER:PASSWORD@HOST:587"
        if cause:
            cause = f"EMAIL_URL, or what an add-on set instead, {cause}."
            yield error(12, cause, mail.ATTACH)
    elif backend == NO_MAIL and not is_local():
        cause = "No mail server is set: mail is not sent, only logged."
        yield warning(14, cause, mail.ATTACH)
    for name, example in (
        ("EMAIL_FROM", "me@example.com"),
        ("DJANGO_ADMINS", "ann@example.com,bob@example.com"),
    ):
        text = os.environ.get(name, "")
        found = mail.addresses(text)
        try:
            for address in found:
                validate_email(address)
        except ValidationError:
            found = []
        if text and (not found or ";" in text):
            cause = f"{name} holds something that is no email address."
            yield error(39, cause, f"heroku config:set {name}={example}")


@check()
def redis_url() -> Problems:
    """Find a URL that Django would only fail on at the first request."""
    url = os.environ.get("REDIS_URL")
    if not url:
        return
    cause = url_problem(url, ["redis", "rediss"])
    if not cause:
        import redis

        try:
            redis.Redis.from_url(url).connection_pool.make_connection()
        except Exception:  # of several libraries
            cause = "has an option after its ? that the client does not accept"
    if cause:
        fix = "heroku config:set REDIS_URL=rediss://:PASSWORD@HOST:6379"
        yield error(13, f"REDIS_URL {cause}.", fix)


@check()
def uploads_on_a_dyno() -> Problems:
    """Find uploads that are gone after the next restart, or refused one by one."""
    backend = settings.STORAGES.get("default", {}).get("BACKEND")
    if is_local() or not backend:
        return
    attached = any(os.environ.get(name) for name, _ in uploads.BUCKETS)
    if on_heroku() and issubclass(import_string(backend), FileSystemStorage):
        cause = "Uploads are kept on the dyno's disk, which is emptied every day."
        yield error(15, cause, uploads.ATTACH)
    elif attached and backend == "dyno.uploads.NoStorage":
        cause = "A bucket is attached, but the library that speaks to it is missing."
        yield error(16, cause, uploads.INSTALL)
