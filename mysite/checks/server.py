"""gunicorn's settings against the platform's limits, and the database's migrations."""

import logging
import os
import re
import runpy
import sys
import threading
from pathlib import Path

from django.conf import settings
from django.core.checks import Error, Tags, Warning, run_checks
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from mysite.checks.registry import check, problem

logger = logging.getLogger(__name__)

# https://devcenter.heroku.com/articles/http-routing#keepalives
ROUTER_KEEPALIVE = 90  # seconds

# https://devcenter.heroku.com/articles/dyno-shutdown-behavior
DYNO_SHUTDOWN = 30  # seconds

DEFAULTS = {"workers": 1, "threads": 1, "keepalive": 2, "graceful_timeout": 30}


def gunicorn_settings():
    """Return gunicorn's settings by name: its defaults, then gunicorn.conf.py's.

    Where the file cannot be run, "error" names the exception.
    """
    path = Path(settings.BASE_DIR, "gunicorn.conf.py")
    try:
        return DEFAULTS | (runpy.run_path(str(path)) if path.is_file() else {})
    except Exception as error:
        return DEFAULTS | {"error": type(error).__name__}


@check()
def gunicorn():
    """gunicorn's own defaults fit neither the router nor the dyno."""
    if sys.platform == "win32":  # gunicorn does not run there
        return
    names = gunicorn_settings()
    if "error" in names:
        cause = f"gunicorn.conf.py cannot be run: {names['error']}."
        yield problem(Error, 19, cause, "gunicorn --check-config")
        return
    if names["keepalive"] < ROUTER_KEEPALIVE:
        cause = f"keepalive is {names['keepalive']} s, under the router's 90 s."
        yield problem(Error, 20, cause, "keepalive = 95, in gunicorn.conf.py")
    if names["graceful_timeout"] >= DYNO_SHUTDOWN:
        cause = (
            f"graceful_timeout is {names['graceful_timeout']} s, but a dyno is killed "
            "30 s after it is told to stop."
        )
        yield problem(Error, 21, cause, "graceful_timeout = 20, in gunicorn.conf.py")


@check()
def shared_cache():
    """Each process would have a cache of its own, and count log-ins on its own."""
    workers = gunicorn_settings()["workers"]
    backend = settings.CACHES["default"]["BACKEND"]
    if backend.endswith("LocMemCache") and workers > 1 and not settings.LOCAL:
        if "DATABASE_URL" in os.environ and connection.vendor == "unknown":
            return  # E004: once it can be read, the cache is kept there
        cause = f"The cache is each process's own memory, and {workers} workers run."
        command = "heroku addons:create heroku-redis:mini, or attach a database"
        yield problem(Warning, 17, cause, command)


@check()
def connections():
    """Each thread may hold a connection, and in a release two generations of dynos run.

    How many dynos run is not known here: one is counted, one connection for the
    release phase and two for a worker, whose sign of life has its own.
    """
    limit = os.environ.get("DATABASE_CONNECTION_LIMIT", "")
    if not re.fullmatch("[0-9]{1,5}", limit) or connection.vendor != "postgresql":
        return
    names = gunicorn_settings()
    workers, threads = names["workers"], names["threads"]
    needed = workers * threads * 2 + 1 + 2
    if needed > int(limit):
        cause = (
            f"One web dyno takes up to {needed} database connections while a release "
            f"replaces another ({workers} workers x {threads} threads x 2, 1 for the "
            f"release, 2 for a worker), and DATABASE_CONNECTION_LIMIT is {int(limit)}."
        )
        fitting = (int(limit) - 3) // (2 * threads)
        command = "heroku addons:upgrade, or fewer threads in gunicorn.conf.py"
        if fitting > 0:
            command = f"heroku config:set WEB_CONCURRENCY={fitting}, or {command}"
        yield problem(Error, 18, cause, command)


def unapplied_migrations():
    """Return the names of the migrations that the database has not had yet."""
    executor = MigrationExecutor(connection)
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    return [f"{migration.app_label}.{migration.name}" for migration, _ in plan]


@check(Tags.database)
def migrations():
    """A release phase that was left out: the code asks for columns that are not there.

    Django runs it only when told so, by `check --deploy --database default`.
    """
    if names := unapplied_migrations():
        more = f" and {len(names) - 1} more" if len(names) > 1 else ""
        cause = f"The database lacks a migration: {names[0]}{more}."
        command = "python manage.py release"
        if settings.ON_HEROKU:
            command = f"heroku run {command}"
        yield problem(Error, 33, cause, command)


def log_unapplied_migrations():
    """Log what `migrations` finds, from a thread and a connection of its own.

    For gunicorn's post_worker_init: before the fork no connection may be opened, and
    after it none should hold up the first request.
    """

    def look():
        try:
            for found in run_checks([], [Tags.database], True, ["default"]):
                logger.error("%s: %s Mend it: %s", found.id, found.msg, found.hint)
        except Exception as error:
            name = type(error).__name__
            logger.error("Cannot tell whether migrations are missing: %s", name)
        finally:
            connection.close()

    if connection.vendor != "unknown":
        threading.Thread(target=look, name="migrations", daemon=True).start()
