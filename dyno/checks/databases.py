"""The databases: their URLs, their connections and their migrations."""

import logging
import os
import threading
from importlib.util import find_spec
from pathlib import Path

from django.apps import apps
from django.conf import settings
from django.core.checks import Tags, run_checks
from django.db import connections
from django.db.migrations.exceptions import NodeNotFoundError

from dyno import database, pools
from dyno.checks.files import gunicorn_figures
from dyno.checks.registry import Problems, check, error, is_local, on_heroku, warning
from dyno.checks.urls import database_url_problem
from dyno.migrations import unapplied, unmade

logger = logging.getLogger(__name__)

NEW_DATABASE = "DATABASE_URL=postgres://USER:PASSWORD@HOST/NAME"


@check("configuration")
def database_url() -> Problems:
    """Find a DATABASE_URL that is missing or cannot be used."""
    for name in ("DATABASE_URL", database.POOL_URL):
        if name in os.environ and (cause := database_url_problem(os.environ[name])):
            yield error(4, f"{name} {cause}.", f"heroku config:set {NEW_DATABASE}")
    if "DATABASE_URL" in os.environ or is_local():
        return
    if on_heroku():
        yield warning(
            5, "DATABASE_URL is not set: some pages are 503.", database.ATTACH
        )
    else:
        yield error(6, "DATABASE_URL is not set.", NEW_DATABASE)


@check("configuration")
def sqlite_on_a_dyno() -> Problems:
    """Find a database that is lost at least once a day, and that dynos do not share."""
    engine = settings.DATABASES.get("default", {}).get("ENGINE", "")
    if engine.endswith("sqlite3") and on_heroku() and not is_local():
        fix = f"heroku config:unset DATABASE_URL && {database.ATTACH}"
        yield error(7, "A dyno loses an SQLite file at each restart.", fix)


@check()
def database_tls() -> Problems:
    """Find a password and data that cross a network in the clear."""
    for alias, config in settings.DATABASES.items():
        mode = config.get("OPTIONS", {}).get("sslmode")
        local = is_local() or database.is_local(config.get("HOST", ""))
        if not local and mode in ("disable", "allow", "prefer"):
            fix = "remove sslmode from its URL, or make it require"
            yield error(9, f"sslmode allows the database {alias} without TLS.", fix)


@check()
def connection_pool() -> Problems:
    """Find threads that do not share their connections."""
    connection = connections["default"]
    if connection.vendor != "postgresql":
        return
    if not find_spec("psycopg_pool"):
        cause = "psycopg_pool is not installed, so each page makes a new connection."
        fix = "psycopg[binary,pool] in requirements.in, then bin/lock and commit"
        yield warning(41, cause, fix)
    elif connection.settings_dict["CONN_MAX_AGE"] != 0:
        cause = "CONN_MAX_AGE is set, so each of gunicorn's threads keeps a connection."
        yield warning(41, cause, "remove it from DATABASES in settings.py")


@check()
def connection_limit() -> Problems:
    """Find more connections than the plan has.

    How many dynos run is not known here: one is counted, one connection for the release
    phase and two for a worker, whose heartbeat has its own.
    """
    limit = os.environ.get("DATABASE_CONNECTION_LIMIT", "")
    connection, figures = connections["default"], gunicorn_figures()
    is_direct = connection.vendor == "postgresql" and not database.is_pooled(connection)
    if not limit.isdecimal() or not is_direct or not figures:
        return
    workers, size = int(figures["workers"]), pools.pool_size()
    needed = workers * size + 1 + 2
    if needed > int(limit):
        sum_ = f"{workers} workers x {size}, 1 for the release, 2 a worker"
        cause = f"One web dyno takes up to {needed} database connections "
        cause += f"({sum_}), and DATABASE_CONNECTION_LIMIT is {int(limit)}."
        fix, fitting = "heroku addons:upgrade", (int(limit) - 3) // workers
        if fitting > 0:
            fix = f"heroku config:set DATABASE_POOL_SIZE={fitting}, or {fix}"
        yield error(18, cause, fix)


@check()
def shared_cache() -> Problems:
    """Find a cache in each process's own memory, although several processes run."""
    local_memory = settings.CACHES["default"]["BACKEND"].endswith("LocMemCache")
    several = int(gunicorn_figures().get("workers", 1)) > 1 and not is_local()
    if local_memory and several and "DATABASE_URL" not in os.environ:
        fix = f"{database.ATTACH}, or heroku addons:create heroku-redis:mini"
        yield warning(17, "Each worker has a cache of its own.", fix)


def is_ours(folder: str | Path) -> bool:
    """Return whether this is a folder of the project and not of a package."""
    path = Path(folder)
    inside = path.is_relative_to(settings.BASE_DIR)
    return inside and "site-packages" not in path.parts


@check("migrations")
def unmade_migrations() -> Problems:
    """Find a model of the project that changed without a migration.

    Queries would then use columns and tables that do not exist.
    """
    for app in filter(lambda app: is_ours(app.path), apps.get_app_configs()):
        if not any(model._meta.managed for model in app.get_models()):
            continue
        try:
            changes = " ".join(unmade(app.label).split())
        except NodeNotFoundError as missing:
            fix = "git status, then commit it and push"
            yield error(34, f"A migration is missing: {missing}.", fix)
            return
        if changes:
            cause = f"A model of {app.label} changed without a migration: {changes}"
            fix = f"python manage.py makemigrations {app.label}, commit and push"
            yield error(34, cause, fix)


@check(Tags.database)
def unapplied_migrations() -> Problems:
    """Find migrations that were not applied; this asks every database.

    Django runs it only when told to, by `check --deploy --database default`.
    """
    for alias in filter(database.attached, database.aliases()):
        if names := unapplied(alias):
            more = f" and {len(names) - 1} more" if len(names) > 1 else ""
            cause = f"The database {alias} lacks a migration: {names[0]}{more}."
            yield error(
                33, cause, "heroku run " * on_heroku() + "python manage.py release"
            )


def log_unapplied_migrations() -> None:
    """Log what unapplied_migrations finds, from a thread with its own connection.

    For gunicorn's post_worker_init: before the fork no connection may be opened, and
    after it none should hold up the first request.
    """

    def look() -> None:
        try:
            for found in run_checks([], [Tags.database], True, ["default"]):
                logger.error("%s: %s %s", found.id, found.msg, found.hint)
        except Exception as error:
            logger.error("Cannot tell whether migrations are missing: %s", error)
        finally:
            connections.close_all()

    if database.attached():
        threading.Thread(target=look, name="migrations", daemon=True).start()
