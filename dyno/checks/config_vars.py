"""The config vars, and what the settings have made of them."""

import logging
import os
import re
import subprocess
from email.utils import getaddresses
from pathlib import Path

from django.conf import settings
from django.core.exceptions import (
    DisallowedHost,
    ImproperlyConfigured,
    ValidationError,
)
from django.core.files.storage import FileSystemStorage
from django.core.validators import validate_email
from django.http import HttpRequest
from django.utils.module_loading import import_string

from dyno import mail, uploads
from dyno.checks.registry import Problems, check, error, is_local, on_heroku, warning

NEW_KEY = 'heroku config:set DJANGO_SECRET_KEY="$(openssl rand -base64 48)"'

# Files that hold config vars, by the names that tools give them.
SECRETS = (".env", ".env.*", "*.env")

# Config vars whose mistakes nobody else reports: what each must match, and an example.
FORMS = {
    "DATABASE_POOL_SIZE": (r"|[1-9]\d*", "8"),
    "DATABASE_STATEMENT_TIMEOUT": (r"|\d+(us|ms|s|min|h|d)?", "25s"),
    "DJANGO_STATIC_HOST": (r"|https://[a-z\d.-]+(:\d+)?/?", "https://cdn.example.com"),
    "WEB_CONCURRENCY": (r"\d+", "2"),  # gunicorn reads it, and does not take ""
    "WEB_THREADS": (r"|[1-9]\d*", "40"),
}


@check("configuration")
def secret_key() -> Problems:
    """Find a key that is missing, public or weak: it signs sessions and resets."""
    key = os.environ.get("DJANGO_SECRET_KEY", "")
    if is_local():
        return
    if not key and getattr(settings, "SECRET_KEY_IS_RANDOM", False):
        cause = "DJANGO_SECRET_KEY is not set: a random one is used."
        yield warning(37, cause, NEW_KEY)
    elif not key:
        yield error(1, "DJANGO_SECRET_KEY is not set or is empty.", NEW_KEY)
    elif key.startswith("django-insecure-") or len(key) < 50 or len(set(key)) < 5:
        cause = "DJANGO_SECRET_KEY is public, too short or too uniform."
        yield error(1, cause, NEW_KEY)


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


@check("configuration")
def hosts() -> Problems:
    """Find a list of hosts that allows nobody, or everybody."""
    fix = "DJANGO_ALLOWED_HOSTS=www.example.com"
    if on_heroku():
        fix = f"heroku config:set {fix}"
    if not settings.ALLOWED_HOSTS:
        cause = "DJANGO_ALLOWED_HOSTS is empty, so every request is refused."
        yield error(3, cause, fix)
    elif "*" in settings.ALLOWED_HOSTS:
        cause = "DJANGO_ALLOWED_HOSTS is *, so the site answers under any name."
        yield warning(38, cause, fix)
    else:
        request = HttpRequest()
        try:
            for host in settings.ALLOWED_HOSTS:
                request.META["HTTP_HOST"] = host.lstrip(".")
                request.get_host()
        except DisallowedHost:
            cause = "An entry of DJANGO_ALLOWED_HOSTS is not a host name."
            yield error(3, cause, fix)


@check()
def cookies() -> Problems:
    """Find a cookie that browsers refuse, so that every form is a 403."""
    for kind in ("SESSION_COOKIE", "CSRF_COOKIE"):
        name = getattr(settings, f"{kind}_NAME")
        domain = getattr(settings, f"{kind}_DOMAIN")
        path = getattr(settings, f"{kind}_PATH")
        if name.startswith("__Host-") and (domain or path != "/"):
            cause = f"Browsers refuse {name} with {kind}_DOMAIN or {kind}_PATH."
            fix = f"remove these from settings.py, or __Host- from {kind}_NAME"
            yield error(43, cause, fix)


@check()
def log_files() -> Problems:
    """Find a log on a dyno's disk, where it is lost and nobody sees it."""
    for name in logging.getHandlerNames():
        path = getattr(logging.getHandlerByName(name), "baseFilename", "/dev/stdout")
        if on_heroku() and not path.startswith("/dev/"):
            cause = f"The log that {name} in LOGGING writes to a file is lost."
            yield warning(46, cause, 'a handler "logging.StreamHandler" in settings.py')


@check()
def forms() -> Problems:
    """Find a value that would have no effect, or the wrong one."""
    for name, (pattern, example) in FORMS.items():
        if not re.fullmatch(pattern, os.environ.get(name, example)):
            fix = f"heroku config:set {name}={example}"
            yield error(40, f"{name} does not look like {example}.", fix)


@check()
def mail_server() -> Problems:
    """Find a mail server that is missing or unusable."""
    mailers = getattr(settings, "MAILERS", {})
    if mailers.get("default", {}).get("BACKEND") != "dyno.mail.UnsentMail":
        return
    if mail.server_url(os.environ):
        cause = "EMAIL_URL, or the URL that an add-on set instead, cannot be read."
        yield error(12, cause, mail.ATTACH)
    elif not is_local():
        yield warning(14, "No mail server is set, so no mail is sent.", mail.ATTACH)


@check()
def mail_addresses() -> Problems:
    """Find addresses that every mail server refuses."""
    for name in ("EMAIL_FROM", "DJANGO_ADMINS"):
        text = os.environ.get(name)
        if not text:
            continue
        try:
            for _, address in getaddresses([text]):
                validate_email(address)
        except ValidationError:
            fix = f"heroku config:set {name}=me@example.com"
            yield error(39, f"{name} has an invalid email address.", fix)


@check()
def uploads_on_a_dyno() -> Problems:
    """Find uploads that are gone after the next restart, or refused one by one."""
    backend = settings.STORAGES.get("default", {}).get("BACKEND")
    if is_local() or not on_heroku() or not backend:
        return
    try:
        storage = import_string(backend)
    except (ImportError, ImproperlyConfigured):
        yield error(16, f"The library for {backend} is missing.", uploads.INSTALL)
        return
    if issubclass(storage, FileSystemStorage):
        cause = "Uploads go to the dyno's disk, which is emptied at each restart."
        yield error(15, cause, uploads.ATTACH)


@check()
def deployed_secrets() -> Problems:
    """Find a file of config vars, such as .env, in the repository or in a slug."""
    root = Path(settings.BASE_DIR)
    command = ["git", "ls-files", "--", *SECRETS]
    try:
        git = subprocess.run(command, cwd=root, capture_output=True, text=True)
        names = git.stdout.splitlines()
        is_slug = git.returncode == 128  # no repository, but only what was committed
    except OSError:  # no git, as in an image
        names = []
        is_slug = True
    if is_slug and on_heroku():
        names = [path.name for kind in SECRETS for path in root.glob(kind)]
    for name in sorted(set(names)):
        if not name.endswith(".env.example"):
            cause = f"{name} is in the repository. Change its secrets: git keeps them."
            yield error(29, cause, f"git rm --cached {name}, and commit")
