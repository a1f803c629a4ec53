"""The databases: which there are, how they are connected, and their migrations."""

import io
import os
import warnings
from importlib.util import find_spec
from pathlib import Path

from django.apps import apps
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command
from django.db import Error, connections
from django.db.migrations.exceptions import NodeNotFoundError

from dyno import database
from dyno.checks.registry import Problems, check, error, is_local, on_heroku, warning


@check("configuration")
def lasting_database() -> Problems:
    """Find a database that is missing, or lost at least once a day."""
    engine = settings.DATABASES.get("default", {}).get("ENGINE", "")
    if is_local():
        return
    if on_heroku() and engine.endswith("sqlite3"):
        fix = f"heroku config:unset DATABASE_URL && {database.ATTACH}"
        yield error(7, "A dyno loses an SQLite file at each restart.", fix)
    elif not on_heroku() and "DATABASE_URL" not in os.environ:
        fix = "DATABASE_URL=postgres://USER:PASSWORD@HOST/NAME"
        yield error(6, "DATABASE_URL is not set.", fix)


@check()
def database_tls() -> Problems:
    """Find data that crosses a network in the clear, or to a server nobody verifies."""
    for alias, config in settings.DATABASES.items():
        mode = config.get("OPTIONS", {}).get("sslmode")
        if is_local() or database.is_local(config.get("HOST", "")):
            continue
        if mode in ("allow", "prefer") or (mode == "disable" and on_heroku()):
            cause = f"The database {alias} does not require TLS: see its sslmode."
            fix = "remove sslmode from its URL"
            if not on_heroku():
                fix += ", or set it to disable if its network is private"
            yield error(9, cause, fix)
        elif mode == "require" and not on_heroku():
            cause = f"Nothing verifies the server of the database {alias}."
            fix = (
                "sslmode=verify-full in its URL, with sslrootcert=FILE if its provider "
            )
            fix += "has an authority of its own"
            yield warning(47, cause, fix)


@check()
def connection_pool() -> Problems:
    """Find threads that do not share their connections."""
    connection = connections["default"]
    if connection.vendor != "postgresql":
        return
    if not find_spec("psycopg_pool") or connection.settings_dict["CONN_MAX_AGE"] != 0:
        cause = "The threads of a web worker do not share database connections."
        fix = "psycopg[binary,pool] in requirements.in, no CONN_MAX_AGE in settings.py"
        yield warning(41, cause, fix)


def is_ours(folder: str | Path) -> bool:
    """Return whether this is a folder of the project, not of a package or Python."""
    path = Path(folder)
    inside = path.is_relative_to(settings.BASE_DIR)
    return inside and not {"site-packages", ".heroku"} & {*path.parts}


@check("migrations")
def unmade_migrations() -> Problems:
    """Find a model of the project that changed without a migration.

    Queries would then use columns and tables that do not exist.
    """
    labels = []
    for app in apps.get_app_configs():
        has_tables = any(model._meta.managed for model in app.get_models())
        if has_tables and is_ours(app.path):
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
            yield error(34, " ".join(cause.split()), fix)
        except NodeNotFoundError as missing:
            fix = "git status, then commit it and push"
            yield error(34, f"A migration is missing: {missing}.", fix)
        except (Error, ImproperlyConfigured):  # the database is away or its URL wrong
            return
