"""The config vars, and what the settings have made of them."""

import os
import re

from django.conf import settings
from django.core.files.storage import FileSystemStorage
from django.utils.module_loading import import_string

from dyno import mail, uploads
from dyno.checks.registry import Problems, check, error, is_local, on_heroku, warning
from dyno.checks.urls import url_problem

NEW_KEY = 'heroku config:set DJANGO_SECRET_KEY="$(openssl rand -base64 48)"'
HOST_PATTERN = re.compile(r"\*|\.?([a-z0-9_-]+\.)*[a-z0-9_-]+|\[[0-9a-f:.]+\]", re.I)
ADDRESS = re.compile(r"[\w.!#$%&'*+/=?^{|}~-]+@([a-z0-9-]+\.)+[a-z0-9-]+", re.I)

# Config vars whose mistakes nobody else reports: what each must match, and an example.
FORMS = {
    "DATABASE_CONNECTION_LIMIT": (r"\d+", "20"),
    "DATABASE_POOL_SIZE": (r"[1-9]\d*", "8"),
    "DATABASE_STATEMENT_TIMEOUT": (r"\d+(us|ms|s|min|h|d)?", "25s"),
    "DJANGO_HSTS_SECONDS": (r"\d+", "3600"),
    "DJANGO_STATIC_HOST": (r"https://[a-z0-9.-]+(:\d+)?/?", "https://cdn.example.com"),
    "DJANGO_TRUSTED_HOPS": (r"\d+", "1"),
    "WEB_THREADS": (r"[1-9]\d*", "40"),
}


@check("configuration")
def secret_key() -> Problems:
    """Find a key that is missing, public or weak: it signs sessions and resets."""
    key = os.environ.get("DJANGO_SECRET_KEY", "")
    if is_local():
        return
    if not key and getattr(settings, "SECRET_KEY_IS_RANDOM", False):
        yield warning(
            37, "DJANGO_SECRET_KEY is not set: a random one is used.", NEW_KEY
        )
    elif not key:
        yield error(1, "DJANGO_SECRET_KEY is not set or is empty.", NEW_KEY)
    elif key.startswith("django-insecure-"):
        yield error(1, "DJANGO_SECRET_KEY is the public development key.", NEW_KEY)
    elif len(key) < 50 or len(set(key)) < 5:
        yield error(1, "DJANGO_SECRET_KEY is too short or too uniform.", NEW_KEY)


@check("configuration")
def development_settings() -> Problems:
    """Find development settings on a dyno, where the site could not be reached."""
    dyno = os.environ.get("DYNO", "").startswith(("web.", "worker.", "release."))
    if is_local() and dyno:
        fix = "heroku config:unset DJANGO_LOCAL DJANGO_DEBUG"
        yield error(2, "DJANGO_LOCAL is set, which means development.", fix)
    elif settings.DEBUG and not is_local():
        fix = "remove DEBUG = True from settings.py"
        yield error(2, "DEBUG is on, so an error page would show the code.", fix)
    for name in ("DEBUG", "DJANGO_DEBUG"):
        on = os.environ.get(name, "").lower() in ("1", "true", "yes", "on")
        if on and not is_local():
            fix = f"heroku config:unset {name}; DJANGO_LOG_LEVEL=DEBUG logs more"
            yield warning(35, f"{name} has no effect on a server.", fix)


@check("configuration")
def hosts() -> Problems:
    """Find a list of hosts that allows nobody, or everybody."""
    fix = "heroku config:set " * on_heroku() + "DJANGO_ALLOWED_HOSTS=www.example.com"
    if not settings.ALLOWED_HOSTS:
        yield error(3, "DJANGO_ALLOWED_HOSTS is empty, so nobody is answered.", fix)
    elif not all(map(HOST_PATTERN.fullmatch, settings.ALLOWED_HOSTS)):
        yield error(3, "DJANGO_ALLOWED_HOSTS holds what is no host name.", fix)
    elif "*" in settings.ALLOWED_HOSTS:
        yield warning(38, "DJANGO_ALLOWED_HOSTS is *: any name is answered.", fix)


@check()
def forms() -> Problems:
    """Find a value that would have no effect, or the wrong one."""
    for name, (pattern, example) in FORMS.items():
        if not re.fullmatch(f"({pattern})?", os.environ.get(name, "")):
            fix = f"heroku config:set {name}={example}"
            yield error(40, f"{name} does not look like {example}.", fix)


@check()
def mailer() -> Problems:
    """Find a mail server that is missing or unusable, and invalid addresses."""
    mailers = getattr(settings, "MAILERS", {})
    unsent = mailers.get("default", {}).get("BACKEND") == "dyno.mail.UnsentMail"
    if url := mail.server_url(os.environ):
        cause = url_problem(url, ["smtp", "smtps"])
        if cause or unsent:
            cause = cause or "is not smtp://USER:PASSWORD@HOST:587"
            cause = f"EMAIL_URL, or what an add-on set instead, {cause}."
            yield error(12, cause, mail.ATTACH)
    elif unsent and not is_local():
        yield warning(14, "No mail server is set, so no mail is sent.", mail.ATTACH)
    for name in ("EMAIL_FROM", "DJANGO_ADMINS"):
        text = os.environ.get(name, "")
        found = mail.addresses(text)
        sound = found and all(map(ADDRESS.fullmatch, found)) and ":" not in text
        if text and not (sound and (len(found) == 1 or name == "DJANGO_ADMINS")):
            fix = f"heroku config:set {name}=me@example.com"
            yield error(39, f"{name} holds what is no email address.", fix)


@check()
def redis_url() -> Problems:
    """Find a URL that Django would only fail on at the first request."""
    url = os.environ.get("REDIS_URL")
    if url and not (cause := url_problem(url, ["redis", "rediss"])):
        from redis import Redis

        try:
            Redis.from_url(url).connection_pool.make_connection()
        except Exception:  # of several libraries
            cause = "has an option after its ? that the client does not accept"
    if url and cause:
        fix = "heroku config:set REDIS_URL=rediss://:PASSWORD@HOST:6379"
        yield error(13, f"REDIS_URL {cause}.", fix)


@check()
def uploads_on_a_dyno() -> Problems:
    """Find uploads that are gone after the next restart, or refused one by one."""
    backend = settings.STORAGES.get("default", {}).get("BACKEND")
    attached = any(os.environ.get(name) for name in uploads.BUCKETS)
    if is_local() or not on_heroku() or not backend:
        return
    if issubclass(import_string(backend), FileSystemStorage):
        yield error(15, "Uploads go to the dyno's disk, which forgets.", uploads.ATTACH)
    elif attached and backend == "dyno.uploads.NoStorage":
        yield error(
            16, "The library for the attached bucket is missing.", uploads.INSTALL
        )
