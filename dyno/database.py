"""Connections to the databases: their settings and their errors.

settings.py imports this module, so it reads no settings when it is loaded.
"""

import re
import ssl
from collections.abc import Mapping
from typing import Any

import dj_database_url
from django.db import connections
from django.db.migrations.executor import MigrationExecutor

ATTACH = "heroku addons:create heroku-postgresql:essential-0"
POSTGRESQL = ("postgresql", "postgis")  # how its engines' names end
DUMMY = "django.db.backends.dummy"  # Django's engine for no database

# `heroku pg:connection-pooling:attach DATABASE_URL --as DATABASE_CONNECTION_POOL`
POOL_URL = "DATABASE_CONNECTION_POOL_URL"

# Set by the pgbouncer buildpack, which then rewrites DATABASE_URL to 127.0.0.1.
PGBOUNCER = "DATABASE_URL_PGBOUNCER"

# The alias of the unpooled connection, where there is a pooler.
DIRECT = "direct"

# How long to wait for a silent host, in seconds; tcp_user_timeout in milliseconds.
# https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-PARAMKEYWORDS
TIME_OUTS = {
    "connect_timeout": 3,
    "tcp_user_timeout": 15_000,
    "keepalives_idle": 10,
    "keepalives_interval": 3,
    "keepalives_count": 3,
}


def from_environ(
    environ: Mapping[str, str], *, local: bool, verify: bool = False
) -> dict[str, Any]:
    """Return Django's DATABASES for these config vars; a dummy without a usable one.

    With a connection pooler, "default" is pooled and "direct" is not. `verify` means
    that the server's certificate is verified, which Heroku's cannot be.
    """
    direct = parse(
        environ.get("DATABASE_URL", ""),
        local=local,
        verify=verify,
        pooled=PGBOUNCER in environ,
        statement_timeout=environ.get("DATABASE_STATEMENT_TIMEOUT", ""),
    )
    if direct["ENGINE"] == DUMMY or not environ.get(POOL_URL):
        return {"default": direct}
    default = parse(environ[POOL_URL], local=local, verify=verify, pooled=True)
    if default["ENGINE"] == DUMMY:
        return {"default": default}
    # Both are the same database, so the tests make it once.
    direct["TEST"] = {"MIRROR": "default"}
    return {"default": default, DIRECT: direct}


def parse(
    url: str,
    *,
    local: bool = False,
    verify: bool = False,
    pooled: bool = False,
    statement_timeout: str = "",
) -> dict[str, Any]:
    """Return one entry of DATABASES, by dj-database-url; a dummy for an unusable URL.

    A check reports that in the release, so that the build can go on: settings may add
    ATOMIC_REQUESTS or an option to the dummy, as to any other.
    `pooled` means a pooler in transaction mode. `statement_timeout` is in PostgreSQL's
    syntax ("25s").
    """
    try:
        config = dict(dj_database_url.parse(url))
    except ValueError:
        return {"ENGINE": DUMMY, "OPTIONS": {}}
    if not config["ENGINE"].endswith(POSTGRESQL):
        return config
    # A health check costs some percent and prevents an error after a restart.
    config |= {"CONN_MAX_AGE": 0, "CONN_HEALTH_CHECKS": True}
    options = config["OPTIONS"] = TIME_OUTS | config.get("OPTIONS", {})
    if not local and not is_local(config["HOST"]):
        # What the URL says is left alone.
        mode = options.setdefault("sslmode", "verify-full" if verify else "require")
        if mode.startswith("verify"):
            # The authorities that this machine knows; libpq itself knows none.
            known = ssl.get_default_verify_paths().cafile
            options.setdefault("sslrootcert", known or "system")
    # A pooler gives each transaction another server connection, which a cursor outside
    # of one does not survive, and PgBouncer refuses "options".
    config["DISABLE_SERVER_SIDE_CURSORS"] = pooled
    if statement_timeout and not pooled:
        limit_queries(options, statement_timeout)
    return config


def limit_queries(options: dict[str, Any], timeout: str) -> None:
    """Add a time limit of queries to a connection's options that have none yet."""
    own = options.get("options", "")
    if "statement_timeout" not in own:
        options["options"] = f"{own} -c statement_timeout={timeout}".strip()


def is_local(host: str) -> bool:
    """Return whether a database's host is this machine, where TLS is not needed."""
    return bool(re.fullmatch(r"|localhost|127\.[\d.]+|\[?::1\]?|/.*", host or ""))


def attached(alias: str = "default") -> bool:
    """Return whether there is a database; without one, Django uses a dummy."""
    return connections[alias].vendor != "unknown"


def direct_alias() -> str:
    """Return the alias of the connection that keeps a session's state."""
    if DIRECT in connections:
        return DIRECT
    return "default"


def aliases() -> list[str]:
    """Return the alias of each database once: "direct" is "default" once more."""
    return [alias for alias in connections if alias != DIRECT]


def use_direct_connection() -> None:
    """Make "default" the direct connection, for a process that migrates.

    A data migration may name no alias, and must see what its transaction has changed.
    """
    if DIRECT in connections:
        connections["default"] = connections[DIRECT].copy("default")


def is_follower(alias: str) -> bool:
    """Return whether a database is a read-only copy of another one."""
    if connections[alias].vendor != "postgresql":
        return False
    with connections[alias].cursor() as cursor:
        cursor.execute("SELECT pg_is_in_recovery()")
        return cursor.fetchone()[0]


def unapplied(alias: str) -> list[str]:
    """Return the migrations that a database lacks, as "app.name", in their order."""
    executor = MigrationExecutor(connections[alias])
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    return [f"{migration.app_label}.{migration.name}" for migration, _ in plan]
