"""
The databases and caches: their URLs, how they are connected, and migrations.

Each URL is tried out by the driver that uses it, with its options. That of a database
gets a port of this machine where nobody listens: if that is not what the driver
complains of, the URL is wrong.
"""

import io
import os
import warnings
from importlib.util import find_spec
from pathlib import Path

from django.apps import apps
from django.conf import settings
from django.core.cache import caches
from django.core.exceptions import ImproperlyConfigured, SynchronousOnlyOperation
from django.core.management import call_command
from django.db import Error, OperationalError, connections
from django.db.migrations.exceptions import NodeNotFoundError

from dyno import database
from dyno.checks.registry import Problems, check, is_local, on_heroku, problem
from dyno.environ import config_set

EXAMPLE = "DATABASE_URL=postgres://USER:PASSWORD@HOST/NAME"
NOBODY = {"HOST": "127.0.0.1", "PORT": 1}


def is_usable(alias: str) -> bool:
    """Return whether a database's URL was read, and the driver accepts its options."""
    if connections[alias].vendor == "unknown":
        # Without DATABASE_URL "default" is a dummy, which is no mistake.
        return alias == "default" and "DATABASE_URL" not in os.environ
    if connections[alias].vendor != "postgresql":
        return True
    connection = connections[alias].copy()
    connection.settings_dict |= NOBODY
    connection.settings_dict["OPTIONS"].pop("pool", None)  # it would go on trying
    try:
        connection.cursor()
    except (OperationalError, SynchronousOnlyOperation):
        pass  # nobody listens; or in a server's event loop, where the release has tried
    except Exception:  # of Django, of the driver, or of the encoding
        return False
    return True


@check("configuration")
def database_urls() -> Problems:
    """Find a database that is missing, lost at each restart, or not to be used."""
    engine = settings.DATABASES.get("default", {}).get("ENGINE", "")
    if on_heroku() and engine.endswith("sqlite3") and not is_local():
        fix = f"heroku config:unset DATABASE_URL && {database.ATTACH}"
        yield problem("E007", "A dyno loses an SQLite file at each restart.", fix)
    if "DATABASE_URL" not in os.environ and not on_heroku() and not is_local():
        yield problem("E006", "DATABASE_URL is not set.", EXAMPLE)
    for alias in [alias for alias in connections if not is_usable(alias)]:
        cause = f"DATABASE_URL, or what the database {alias} uses instead, cannot be "
        cause += "read, names no database, or has an option that the driver refuses. "
        cause += "In a password, write # as %23, / as %2F, ? as %3F and @ as %40."
        yield problem("E004", cause, config_set(EXAMPLE))


@check()
def redis_urls() -> Problems:
    """Find a cache whose URL redis-py cannot read, or has an option it refuses."""
    for alias, config in settings.CACHES.items():
        if not config["BACKEND"].endswith("RedisCache"):
            continue
        from redis.exceptions import RedisError

        try:
            caches[alias].get("deploy.E013")
        except RedisError:
            pass  # it is away, which the log and /ready report
        except Exception:  # of several libraries
            cause = f"redis-py refuses REDIS_URL, or the URL of the cache {alias}."
            fix = config_set("REDIS_URL=rediss://:PASSWORD@HOST:6379")
            yield problem("E013", cause, fix)


@check()
def database_tls() -> Problems:
    """Find data that crosses a network in the clear, or to a server nobody verifies."""
    for alias, config in settings.DATABASES.items():
        mode = config.get("OPTIONS", {}).get("sslmode")
        if is_local() or database.is_local(config.get("HOST", "")):
            continue
        if mode in ("allow", "prefer") or (mode == "disable" and on_heroku()):
            cause = f"The database {alias} does not require TLS: see its sslmode."
            fix = "remove it; off Heroku, sslmode=disable is for a private network"
            yield problem("E009", cause, fix)
        elif mode == "require" and not on_heroku():
            cause = f"Nothing verifies the server of the database {alias}."
            fix = "sslmode=verify-full in its URL; for a private CA, sslrootcert=FILE"
            yield problem("W047", cause, fix)


@check()
def connection_pool() -> Problems:
    """Find threads that do not share their connections."""
    connection = connections["default"]
    shared = find_spec("psycopg_pool") and connection.settings_dict["CONN_MAX_AGE"] == 0
    if connection.vendor == "postgresql" and not shared:
        cause = "The threads of a web worker do not share database connections."
        fix = "psycopg[binary,pool] in requirements.in, no CONN_MAX_AGE in settings.py"
        yield problem("W041", cause, fix)


def is_ours(folder: str | Path) -> bool:
    """Return whether this is a folder of the project, not of a package or Python."""
    path = Path(folder)
    inside = path.is_relative_to(settings.BASE_DIR)
    return inside and not {"site-packages", ".heroku"} & {*path.parts}


@check("migrations")
def unmade_migrations() -> Problems:
    """Find a model of the project whose table or columns no migration makes."""
    labels = []
    for app in apps.get_app_configs():
        if is_ours(app.path) and any(m._meta.managed for m in app.get_models()):
            labels.append(app.label)
    if not labels:
        return
    said = io.StringIO()
    options = {"check_changes": True, "interactive": False, "no_color": True}
    with warnings.catch_warnings(action="ignore", category=RuntimeWarning):
        try:
            call_command("makemigrations", *labels, stdout=said, **options)
        except SystemExit:
            cause = f"A model changed without a migration: {said.getvalue()}"
            fix = f"python manage.py makemigrations {' '.join(labels)}, commit and push"
            yield problem("E034", " ".join(cause.split()), fix)
        except NodeNotFoundError as missing:
            fix = "git status, then commit it and push"
            yield problem("E034", f"A migration is missing: {missing}.", fix)
        except (Error, ImproperlyConfigured):  # the database is away or its URL wrong
            return
