"""The connections that the threads of a web worker share, by Django's own pool."""

import threading
from functools import partial
from importlib.util import find_spec
from typing import Any

from django.conf import settings
from django.db import connections

from dyno import environ
from dyno.database import POSTGRESQL, aliases, limit_queries

# The pool of each web worker and database: two workers of eight connections each fit
# the smallest plan, which has 20, with a release and a task worker. Times in seconds:
# how long a request waits for a connection, how often one that stayed unused is
# closed, and how long one that cannot be made is tried.
# https://www.psycopg.org/psycopg3/docs/api/pool.html
POOL_SIZE = 8
POOL = {"min_size": 0, "timeout": 10, "max_idle": 5, "reconnect_timeout": 0.5}

# Held by the one thread that closes a pool.
closing = threading.Lock()


def is_pool_exhausted(error: BaseException | None) -> bool:
    """Return whether an error means that no connection of a pool became free."""
    return type(getattr(error, "__cause__", None)).__name__ == "PoolTimeout"


def pool_size() -> int:
    """Return how many connections to each database a web worker opens at most."""
    return environ.whole_number("DATABASE_POOL_SIZE", POOL_SIZE)


def disconnect() -> None:
    """Close the connections and pools that were opened while the site was loaded.

    Call it before the fork: the processes would share the connections, and a pool would
    go on without its threads.
    """
    for connection in connections.all(initialized_only=True):
        connection.close()
        if connection.vendor == "postgresql":
            connection.close_pool()


def use_pools() -> None:
    """Let the threads of this web worker share connections, by Django's own pool.

    Call it after the fork. In DATABASES a pool would also reach the release and the
    task worker, whose locks need a connection of their own. A database with a
    CONN_MAX_AGE or a pool of its own keeps that. settings.PAGE_STATEMENT_TIMEOUT, "25s"
    by default, limits the queries.
    """
    disconnect()
    timeout = getattr(settings, "PAGE_STATEMENT_TIMEOUT", "25s")
    for alias, config in postgresql().items():
        options = dict(config["OPTIONS"])
        # A pooler, for which these cursors are disabled, passes on no options.
        if timeout and not config.get("DISABLE_SERVER_SIDE_CURSORS"):
            limit_queries(options, timeout)
        # If psycopg_pool is not installed, W041 reports it.
        if config["CONN_MAX_AGE"] == 0 and find_spec("psycopg_pool"):
            pool = POOL | {"max_size": pool_size()}
            pool["reconnect_failed"] = partial(give_up, alias)
            if config["CONN_HEALTH_CHECKS"]:
                pool["check"] = partial(check, alias)
            options.setdefault("pool", pool)
        config["OPTIONS"] = options


def postgresql() -> dict[str, dict[str, Any]]:
    """Return the settings of each PostgreSQL database once, by alias."""
    found = {}
    for alias in aliases():
        config = settings.DATABASES[alias]
        if config["ENGINE"].endswith(POSTGRESQL):
            found[alias] = config
    return found


def capacity(workers: int, threads: int) -> str:
    """Return what the pools of a dyno may hold, for the log, once they are made."""
    served = f"{threads} threads a worker"
    databases = sum("pool" in config["OPTIONS"] for config in postgresql().values())
    if not databases:
        return served
    size = pool_size()
    most = workers * size * databases
    return (
        f"{workers} workers x {size} (DATABASE_POOL_SIZE) x {databases} databases = "
        f"{most} database connections at most, {2 * most} while a release replaces "
        f"another; {served}"
    )


def check(alias: str, connection: Any) -> None:
    """Raise if a connection was lost, before psycopg_pool hands it to a request.

    The others were lost with it when the server restarted. psycopg_pool would find that
    out one by one, with a growing pause after each, so they are replaced at once.
    """
    pool = connections[alias].pool
    try:
        pool.check_connection(connection)
    except Exception:
        pool.drain()
        raise


def give_up(alias: str, pool: Any) -> None:
    """Close a pool that could not connect, if it has no connection left.

    Nothing would become free, so the requests that wait fail now instead of at the end
    of their time-out, and the next request makes a new pool.
    """
    if not pool.get_stats()["pool_size"]:
        # psycopg_pool calls this in one of the threads that close() waits for.
        threading.Thread(target=close, args=[alias, pool], daemon=True).start()


def close(alias: str, pool: Any) -> None:
    """Close a pool, and make Django forget it, but not a pool that came after it."""
    with closing:
        pool.close(timeout=0)
        connection = connections[alias]
        if connection.pool is pool:
            connection.close_pool()
