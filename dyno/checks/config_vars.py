"""The config vars, and what the settings have made of them."""

import os
import re
import subprocess

from django.conf import settings
from django.core.exceptions import DisallowedHost, ImproperlyConfigured
from django.core.files.storage import FileSystemStorage, storages
from django.http import HttpRequest

from dyno import mail, uploads
from dyno.checks.registry import Problems, check, is_local, on_heroku, problem
from dyno.environ import config_set

# Files that hold config vars, by the names that tools give them.
SECRETS = re.compile(
    r"(^|/)(?![^/]*(example|sample|template|dist))([^/]*\.env|\.env\.[^/]+)$"
)

# Config vars whose mistakes nobody else reports: what each must match, and an example.
FORMS = {
    "DATABASE_POOL_SIZE": (r"|[1-9]\d*", "8"),
    "DATABASE_STATEMENT_TIMEOUT": (r"|\d+(us|ms|s|min|h|d)?", "25s"),
    "DJANGO_STATIC_HOST": (r"|https://[a-z\d.-]+(:\d+)?/?", "https://cdn.example.com"),
    "WEB_CONCURRENCY": (r"\d+", "2"),  # gunicorn reads it, and does not take ""
    "WEB_THREADS": (r"(?!0+$).*", "40"),
}


@check("configuration")
def secret_key() -> Problems:
    """Find a key that is missing, public or weak: it signs sessions and resets."""
    key = os.environ.get("DJANGO_SECRET_KEY", "")
    is_random = not key and "DATABASE_URL" not in os.environ  # as settings.py makes it
    is_weak = key.startswith("django-insecure-") or len(key) < 50 or len(set(key)) < 5
    if is_weak and not is_random and not is_local():
        cause = "DJANGO_SECRET_KEY is not set, or public, too short or too uniform."
        fix = config_set('DJANGO_SECRET_KEY="$(openssl rand -base64 48)"')
        yield problem("E001", cause, fix)


@check("configuration")
def development_settings() -> Problems:
    """Find development settings on a dyno, where the site could not be reached."""
    dyno = os.environ.get("DYNO", "").startswith(("web.", "worker.", "release."))
    if is_local() and dyno:
        fix = "heroku config:unset DJANGO_LOCAL DJANGO_DEBUG"
        yield problem("E002", "DJANGO_LOCAL is set, which means development.", fix)
    elif settings.DEBUG and not is_local():
        fix = "remove DEBUG = True from settings.py"
        yield problem("E002", "DEBUG is on, so an error page would show the code.", fix)


@check("configuration")
def hosts() -> Problems:
    """Find a list of hosts that allows nobody, or everybody."""
    fix = config_set("DJANGO_ALLOWED_HOSTS=www.example.com")
    if not settings.ALLOWED_HOSTS:
        cause = "DJANGO_ALLOWED_HOSTS is empty, so every request is refused."
        yield problem("E003", cause, fix)
    elif "*" in settings.ALLOWED_HOSTS:
        cause = "DJANGO_ALLOWED_HOSTS is *, so the site answers under any name."
        yield problem("W038", cause, fix)
    else:
        request = HttpRequest()
        try:
            for host in settings.ALLOWED_HOSTS:
                request.META["HTTP_HOST"] = host.lstrip(".")
                request.get_host()
        except DisallowedHost:
            cause = "An entry of DJANGO_ALLOWED_HOSTS is not a host name."
            yield problem("E003", cause, fix)


@check()
def uploaded_files() -> Problems:
    """Find uploads that nothing keeps, or a dyno's disk until the next restart."""
    if is_local() or "default" not in settings.STORAGES:
        return
    try:
        storage = storages["default"]
    except ImproperlyConfigured as error:
        yield problem("E015", f"Uploads cannot be kept: {error}.", uploads.INSTALL)
        return
    if on_heroku() and isinstance(storage, FileSystemStorage):
        yield problem("E015", "A dyno loses uploads at each restart.", uploads.ATTACH)


@check()
def forms() -> Problems:
    """Find a value that would have no effect, or the wrong one."""
    for name, (pattern, example) in FORMS.items():
        if not re.fullmatch(pattern, os.environ.get(name, example)):
            fix = config_set(f"{name}={example}")
            yield problem("E040", f"{name} does not look like {example}.", fix)
    if os.environ.get("DJANGO_ADMINS") and not settings.ADMINS:
        fix = config_set("DJANGO_ADMINS=ann@example.com,ben@example.com")
        yield problem("E040", "DJANGO_ADMINS holds no list of addresses.", fix)


@check()
def mail_server() -> Problems:
    """Find a mail server that is missing or unusable."""
    mailers = getattr(settings, "MAILERS", {})
    is_unsent = mailers.get("default", {}).get("BACKEND") == "dyno.mail.UnsentMail"
    if is_unsent and os.environ.get("EMAIL_URL"):
        yield problem("E012", "EMAIL_URL cannot be read.", mail.ATTACH)
    elif is_unsent and not is_local():
        yield problem("W014", "No mail server is set, so no mail is sent.", mail.ATTACH)


@check()
def deployed_secrets() -> Problems:
    """Find a file of config vars, such as .env, in the repository or in a slug."""
    root = settings.BASE_DIR
    git = subprocess.run("git ls-files", shell=True, cwd=root, capture_output=True)
    names = git.stdout.decode().splitlines()
    if git.returncode and on_heroku():  # a slug, which holds only what was committed
        names = os.listdir(root)
    for name in sorted(filter(SECRETS.search, names)):
        cause = f"{name} is in the repository. Change its secrets: git keeps them."
        yield problem("E029", cause, f"git rm --cached {name}, and commit")
