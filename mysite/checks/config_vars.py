"""The config vars, and what the settings have made of them."""

import os
import re
from ipaddress import ip_network
from urllib.parse import parse_qsl, unquote, urlsplit

from dj_database_url import ENGINE_SCHEMES
from django.conf import settings
from django.core.checks import Error, Warning
from django.core.exceptions import ImproperlyConfigured
from django.core.files.storage import FileSystemStorage
from django.db import connection
from django.utils.module_loading import import_string

from mysite import logs, mail, uploads
from mysite.checks.registry import ATTACH, check, problem

PACKAGE = __package__.partition(".")[0]
NO_MAIL = f"{PACKAGE}.mail.UnsentMail"
NEW_KEY = 'heroku config:set DJANGO_SECRET_KEY="$(openssl rand -base64 48)"'
NEW_DATABASE = "heroku config:set DATABASE_URL=postgres://USER:PASSWORD@HOST/NAME"
HOST = re.compile(r"[^:/@]*|[^:/@]+:\d+|\[[0-9A-Fa-f:]+\](:\d+)?")
POSTGRESQL = ("postgresql", "postgis")  # how its engines' names end
SSL_MODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
# Those that dj-database-url, Django and psycopg take for themselves.
OTHER_OPTIONS = {"currentSchema", "assume_role", "isolation_level", "pool"}
OTHER_OPTIONS |= {"prepare_threshold", "server_side_binding"}
LOCAL_HOST = re.compile(r"|localhost|127\..*|::1|/.*")

# What each number may be, from and to.
NUMBERS = {
    "DATABASE_CONNECTION_LIMIT": (1, 10_000),
    "DJANGO_HSTS_SECONDS": (0, 10**9),
    "PORT": (1, 65_535),
    "WEB_CONCURRENCY": (1, 1_000),
}


@check("configuration")
def secret_key():
    """The key signs sessions and password resets: missing, public or guessable."""
    if settings.LOCAL:
        return
    key = os.environ.get("DJANGO_SECRET_KEY", "")
    if not key:
        cause = "DJANGO_SECRET_KEY is not set or empty."
    elif key == settings.DEVELOPMENT_KEY or key.startswith("django-insecure-"):
        cause = "DJANGO_SECRET_KEY is the development key, which is public."
    elif len(key) < 50 or len(set(key)) < 5:
        cause = "DJANGO_SECRET_KEY is weak: under 50 characters, or under 5 kinds."
    else:
        return
    yield problem(Error, 1, cause, NEW_KEY)


@check("configuration")
def laptop_settings():
    """A laptop's settings on a dyno answer nobody but itself, or do nothing at all."""
    dyno = os.environ.get("DYNO", "").startswith(("web.", "worker.", "release."))
    command = "heroku config:unset DJANGO_LOCAL DJANGO_DEBUG"
    if settings.LOCAL and dyno:
        cause = "DJANGO_LOCAL is set: plain HTTP, public key, for a laptop only."
        yield problem(Error, 2, cause, command)
    elif settings.DEBUG and not settings.LOCAL:
        cause = "DEBUG is on: an error page would show the code to every visitor."
        yield problem(Error, 2, cause, "take DEBUG = True out of settings.py")
    for name in ("DEBUG", "DJANGO_DEBUG"):
        on = os.environ.get(name, "").lower() in ("1", "true", "yes", "on")
        if on and not settings.LOCAL:
            cause = f"{name} does nothing here: an error page would show the code."
            more = "for a longer log: heroku config:set DJANGO_LOG_LEVEL=DEBUG"
            yield problem(Warning, 35, cause, f"heroku config:unset {name}; {more}")


@check("configuration")
def hosts():
    """Off Heroku nobody but the owner knows the site's names."""
    if not settings.ALLOWED_HOSTS:
        cause = "DJANGO_ALLOWED_HOSTS is empty, so every request would be refused."
    elif any(re.search(r"/|[^]:]:\d", host) for host in settings.ALLOWED_HOSTS):
        cause = "DJANGO_ALLOWED_HOSTS has a URL or a port, where a name is wanted."
    else:
        return
    yield problem(Error, 3, cause, "DJANGO_ALLOWED_HOSTS=www.example.com")


def url_problem(url, schemes):
    """Return what is wrong with the URL of a service in half a sentence, or None.

    Nothing of it is repeated, not even a scheme: where a password was pasted alone or
    unescaped, any part may be the password.
    """
    scheme = url.partition("://")[0]
    if not url:
        return "is empty"
    if scheme == url:
        return f"is not a URL: it does not begin with {schemes[0]}://"
    if scheme not in schemes:
        return f"has an unknown scheme, where {schemes[0]}:// is expected"
    if scheme == "sqlite":
        sound = re.fullmatch(r"sqlite://(:memory:|/[^#?\\[\]]*)?", url)
        return None if sound else "is not sqlite:// followed by a path"
    try:
        unquote(url, errors="strict").encode()
        parts = urlsplit(url)
        sound = (
            not re.search(r"[#\s\\\x00-\x1f]", url)
            and "@" not in parts.path + parts.query
            and HOST.fullmatch(parts.netloc.rpartition("@")[2])
            and parts.netloc.count("@") < 2
            and parts.port != 0  # and it is no number over 65 535, which would raise
        )
    except ValueError:
        sound = False
    if not sound:
        return (
            "cannot be read: a character of the user or password must be escaped "
            "(# as %23, / as %2F, ? as %3F, @ as %40, [ as %5B)"
        )
    return None


def database_url_problem(url):
    """Return what is wrong with a DATABASE_URL in half a sentence, or None."""
    if cause := url_problem(url, ["postgres", *ENGINE_SCHEMES]):
        return cause
    parts = urlsplit(url)
    if parts.scheme != "sqlite" and not parts.path[1:]:
        return "names no database: its path is empty"
    if ENGINE_SCHEMES[parts.scheme].backend.endswith(POSTGRESQL):
        return option_problem(dict(parse_qsl(parts.query)))
    return None


def option_problem(options):
    """Return what is wrong with the options in PostgreSQL's URL, or None."""
    if options.get("sslmode", "require") not in SSL_MODES:
        return f"has an sslmode that is none of {', '.join(SSL_MODES)}"
    try:
        from psycopg.pq import Conninfo
    except ImportError:
        return None  # E008
    known = {option.keyword.decode() for option in Conninfo.get_defaults()}
    if options.keys() - known - OTHER_OPTIONS:
        return "has an option after its ? that PostgreSQL does not know"
    return None


@check("configuration")
def database_url():
    """The one config var that the whole site hangs on."""
    if "DATABASE_URL" in os.environ:
        if cause := database_url_problem(os.environ["DATABASE_URL"]):
            yield problem(Error, 4, f"DATABASE_URL {cause}.", NEW_DATABASE)
    elif not settings.LOCAL and settings.ON_HEROKU:
        cause = "DATABASE_URL is not set: pages that need a database answer 503."
        yield problem(Warning, 5, cause, ATTACH)
    elif not settings.LOCAL:
        cause = "DATABASE_URL is not set, and no server should guess a database."
        command = NEW_DATABASE.removeprefix("heroku config:set ")
        yield problem(Error, 6, cause, command)


@check("configuration")
def sqlite_on_a_dyno():
    """A dyno's disk is lost at least once a day, and no two dynos share one."""
    engine = settings.DATABASES.get("default", {}).get("ENGINE", "")
    if engine.endswith("sqlite3") and settings.ON_HEROKU and not settings.LOCAL:
        cause = "The database is an SQLite file, which a dyno loses at each restart."
        command = f"heroku config:unset DATABASE_URL && {ATTACH}"
        yield problem(Error, 7, cause, command)


@check("configuration", "driver")
def database_driver():
    """Models ask the driver as they load, so Django would fail with a traceback."""
    try:
        connection.vendor  # noqa: B018
    except (ImportError, ImproperlyConfigured):
        cause = "The Python driver of the database in DATABASE_URL is not installed."
        command = "put psycopg[binary] into requirements.in, then run bin/lock"
        engine = settings.DATABASES.get("default", {}).get("ENGINE", "")
        if not engine.endswith(POSTGRESQL):
            cause = "DATABASE_URL is not PostgreSQL's, and the driver is not installed."
            command = f"{NEW_DATABASE}, or put the driver into requirements.in"
        yield problem(Error, 8, cause, command)


@check()
def database_tls():
    """Heroku's databases are reached over a network that others use too."""
    default = settings.DATABASES.get("default", {})
    local = LOCAL_HOST.fullmatch(default.get("HOST", ""))
    mode = default.get("OPTIONS", {}).get("sslmode")
    if not settings.LOCAL and not local and mode in ("disable", "allow", "prefer"):
        cause = "sslmode lets the database's password and data travel in the clear."
        command = "take sslmode out of DATABASE_URL, or make it require or verify-full"
        yield problem(Error, 9, cause, command)


@check()
def numbers():
    """A number that is none stops gunicorn, or is passed over without a word."""
    for name, (lowest, highest) in NUMBERS.items():
        value = os.environ.get(name, str(lowest))
        if not (re.fullmatch("[0-9]{1,10}", value) and lowest <= int(value) <= highest):
            cause = f"{name} is not a whole number from {lowest} to {highest}."
            yield problem(Error, 10, cause, f"heroku config:unset {name}")


@check()
def trusted_proxies():
    """gunicorn's own words for it do not name the config var."""
    addresses = os.environ.get("FORWARDED_ALLOW_IPS") or "*"
    try:
        for address in addresses.replace("*", "0.0.0.0").split(","):
            ip_network(address.strip())
    except ValueError:
        cause = "FORWARDED_ALLOW_IPS is not IP addresses or networks with commas."
        yield problem(Error, 36, cause, "FORWARDED_ALLOW_IPS=10.0.0.0/8")


@check()
def log_level():
    """The names are Python's, and gunicorn's."""
    if os.environ.get("DJANGO_LOG_LEVEL", "INFO").upper() not in logs.LEVELS:
        cause = f"DJANGO_LOG_LEVEL is none of {', '.join(logs.LEVELS)}."
        yield problem(Error, 11, cause, "heroku config:set DJANGO_LOG_LEVEL=INFO")


@check()
def mailer():
    """Without a server, a lost password cannot be reset and no error is reported."""
    backend = settings.MAILERS.get("default", {}).get("BACKEND")
    if url := mail.server_url(os.environ):
        cause = url_problem(url, ["smtp", "smtps"])
        if not cause and backend == NO_MAIL:
            cause = "is not smtp://USER:PASSWORD@HOST:587"
        if cause:
            cause = f"EMAIL_URL, or what an add-on set instead, {cause}."
            yield problem(Error, 12, cause, mail.ATTACH)
    elif backend == NO_MAIL and not settings.LOCAL:
        cause = "No mail server is set: mail is not sent, only said in the log."
        yield problem(Warning, 14, cause, mail.ATTACH)


@check()
def redis_url():
    """Django would find out at the first request."""
    url = os.environ.get("REDIS_URL")
    if url and (cause := url_problem(url, ["redis", "rediss"])):
        command = "heroku config:set REDIS_URL=rediss://:PASSWORD@HOST:6379"
        yield problem(Error, 13, f"REDIS_URL {cause}.", command)


@check()
def uploads_on_a_dyno():
    """What a visitor uploads is gone after the dyno's next restart."""
    backend = import_string(settings.STORAGES["default"]["BACKEND"])
    kept_here = issubclass(backend, FileSystemStorage)
    if kept_here and settings.ON_HEROKU and not settings.LOCAL:
        cause = "Uploads are kept on the dyno's disk, which forgets them."
        yield problem(Error, 15, cause, uploads.ATTACH)


@check()
def bucket_library():
    """A bucket is attached for uploads, which are then refused one by one."""
    attached = any(os.environ.get(name) for name, _ in uploads.BUCKETS)
    backend = settings.STORAGES["default"]["BACKEND"]
    if attached and backend == f"{PACKAGE}.uploads.NoStorage":
        cause = "A bucket is attached, but the library that speaks to it is missing."
        yield problem(Error, 16, cause, uploads.INSTALL)
