"""Connections to the databases: how they are made, kept and judged.

settings.py imports this module, so it reads no settings when it is loaded.
"""

import re
from collections.abc import Mapping
from typing import Any

import dj_database_url
from django.core.exceptions import ImproperlyConfigured
from django.core.signals import request_finished
from django.db import InterfaceError, InternalError, OperationalError, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created
from django.dispatch import receiver

ATTACH = "heroku addons:create heroku-postgresql:essential-0"
POSTGRESQL = ("postgresql", "postgis")  # how its engines' names end

# `heroku pg:connection-pooling:attach DATABASE_URL --as DATABASE_CONNECTION_POOL`
POOL_URL = "DATABASE_CONNECTION_POOL_URL"

# Set by the pgbouncer buildpack, which then rewrites DATABASE_URL to 127.0.0.1.
PGBOUNCER = "DATABASE_URL_PGBOUNCER"

# The alias of the unpooled connection, where there is a pooler.
DIRECT = "direct"

# After so long a connection to a silent host fails, in seconds and milliseconds.
# https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-PARAMKEYWORDS
TIME_OUTS = {
    "connect_timeout": 3,
    "keepalives_idle": 10,
    "keepalives_interval": 3,
    "keepalives_count": 3,
    "tcp_user_timeout": 15_000,
}


def from_environ(environ: Mapping[str, str], *, local: bool) -> dict[str, Any]:
    """Return Django's DATABASES for these config vars; {} without a usable one.

    With a connection pooler, "default" is pooled and "direct" is not.
    """
    url, pool = environ.get("DATABASE_URL", ""), environ.get(POOL_URL)
    timeout = environ.get("DATABASE_STATEMENT_TIMEOUT", "")
    if pool:
        direct = parse(url, local=local)
        pooled = parse(pool, local=local, pooled=True)
        if not direct or not pooled:
            return {}
        # Both are one database, so the tests make it once.
        direct["TEST"] = {"MIRROR": "default"}
        return {"default": pooled, DIRECT: direct}
    pooled = PGBOUNCER in environ
    config = parse(url, local=local, pooled=pooled, statement_timeout=timeout)
    return {"default": config} if config else {}


def parse(
    url: str, *, local: bool = False, pooled: bool = False, statement_timeout: str = ""
) -> dict[str, Any]:
    """Return one entry of DATABASES, by dj-database-url; {} if the URL is unusable.

    A check reports an unusable URL in the release, so that the build can go on.
    `pooled` means a pooler in transaction mode. `statement_timeout` is in PostgreSQL's
    syntax ("25s"). Raises ImproperlyConfigured if the driver is not installed.
    """
    try:
        config = dict(dj_database_url.parse(url))
    except ValueError:
        return {}
    if not config["ENGINE"].endswith(POSTGRESQL):
        return config
    try:
        import psycopg  # noqa: F401
    except ImportError:
        raise ImproperlyConfigured(
            "deploy.E008: psycopg, the driver for the database in DATABASE_URL, is not "
            "installed. Fix: add psycopg[binary] to requirements.in, then bin/lock"
        ) from None
    # A new TLS connection for each request costs a factor of six. A health check costs
    # 4 to 5 % and saves the error page after the server was restarted.
    options = TIME_OUTS | config.get("OPTIONS", {})
    if not options.get("pool"):
        config |= {"CONN_MAX_AGE": 600, "CONN_HEALTH_CHECKS": True}
    if not local and not is_local(config["HOST"]):
        # Heroku signs its own certificates; "verify-full" in the URL is left alone.
        options.setdefault("sslmode", "require")
    if pooled:
        # A cursor outside a transaction would need the same server connection again.
        config["DISABLE_SERVER_SIDE_CURSORS"] = True
    elif statement_timeout:
        # PgBouncer refuses this parameter at the start of a connection.
        options.setdefault("options", f"-c statement_timeout={statement_timeout}")
    return config | {"OPTIONS": options}


def is_local(host: str) -> bool:
    """Return whether a database's host is this machine, where TLS is not needed."""
    return bool(re.fullmatch(r"|localhost|127\.[\d.]+|\[?::1\]?|/.*", host or ""))


def is_pooled(connection: BaseDatabaseWrapper) -> bool:
    """Return whether a pooler in transaction mode stands before the server."""
    return bool(connection.settings_dict.get("DISABLE_SERVER_SIDE_CURSORS"))


def attached(alias: str = "default") -> bool:
    """Return whether there is a database at all: Django uses a dummy for none."""
    return connections[alias].vendor != "unknown"


def direct_alias() -> str:
    """Return the alias of the connection that keeps a session's state."""
    return DIRECT if DIRECT in connections else "default"


def aliases() -> list[str]:
    """Return the alias of each database once, by its direct connection."""
    return [direct_alias()] + [a for a in connections if a not in ("default", DIRECT)]


def is_follower(alias: str) -> bool:
    """Return whether a database is a read-only copy of another one."""
    connection = connections[alias]
    if connection.vendor != "postgresql":
        return False
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_is_in_recovery()")
        return cursor.fetchone()[0]


# SQLSTATE 25006: the plan is over its row limit, or the server is a follower now.
READ_ONLY = "25006"
UNDEFINED = ("42P01", "42703")  # table, column
NO_SUCH = re.compile(r"no such (table|column)|table \S+ has no column", re.IGNORECASE)


def is_unavailable(error: BaseException | None) -> bool:
    """Return whether an error means that the database cannot do its work just now."""
    state = getattr(getattr(error, "__cause__", None), "sqlstate", None)
    if isinstance(error, InternalError):
        return state == READ_ONLY
    unavailable = isinstance(error, (OperationalError, InterfaceError))
    return unavailable and not lacks_migration(error)


def lacks_migration(error: BaseException | None) -> bool:
    """Return whether an error means that a table or column is missing."""
    state = getattr(getattr(error, "__cause__", None), "sqlstate", None)
    missing = isinstance(error, OperationalError) and NO_SUCH.search(str(error))
    return state in UNDEFINED or bool(missing)


# This share of the plan's connections is kept between requests. The rest is for the
# moment: more dynos, the second generation in a deploy, the release phase, pg:psql.
KEPT_SHARE = 0.5

CROWDED = """
    SELECT count(*) > %s * (
        SELECT CASE rolconnlimit WHEN -1 THEN current_setting('max_connections')::int
        ELSE rolconnlimit END FROM pg_roles WHERE rolname = current_user
    ) FROM pg_stat_activity WHERE usename = current_user
"""


@receiver(connection_created)
def limit_idle_connections(connection: BaseDatabaseWrapper, **kwargs: Any) -> None:
    """Mark a new connection to be closed after its request if KEPT_SHARE is taken.

    All dynos see the same count, so nobody has to divide the plan's limit by dynos,
    workers and threads. While it is crowded, a request pays for a new connection.
    """
    if connection.vendor != "postgresql" or is_pooled(connection):
        return
    if not connection.settings_dict["CONN_MAX_AGE"]:
        return
    with connection.cursor() as cursor:
        cursor.execute(CROWDED, [KEPT_SHARE])
        connection.dyno_crowded = cursor.fetchone()[0]


@receiver(request_finished)
def close_crowded_connections(**kwargs: Any) -> None:
    """Close this thread's connections that were marked when they were made."""
    for connection in connections.all(initialized_only=True):
        if (
            getattr(connection, "dyno_crowded", False)
            and not connection.in_atomic_block
        ):
            connection.close()
