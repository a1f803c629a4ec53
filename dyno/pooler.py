"""Poolers in transaction mode, which keep nothing of a session: no lock, no SET."""

import os

from django.db import Error, connections

from dyno import outages
from dyno.database import DIRECT, PGBOUNCER


def pooler_problem(alias: str) -> str:
    """Return why a command that needs a session of its own cannot run, "" if it can."""
    settings = connections[alias].settings_dict
    if PGBOUNCER in os.environ and settings.get("DISABLE_SERVER_SIDE_CURSORS"):
        return (
            "A pooler would give this command's locks to other processes. "
            "Fix: start it without bin/start-pgbouncer, which is for web dynos"
        )
    if not shares_sessions(alias):
        return ""
    fix = outages.UNPOOLED if alias in ("default", DIRECT) else "use its own URL"
    return (
        f"{outages.name(alias)} is behind a pooler in transaction mode, which would "
        f"give this command's locks to other processes. Fix: {fix}"
    )


def shares_sessions(alias: str) -> bool:
    """Return whether the server has no session for each connection of its own.

    A transaction pooler gives two connections the same session, or one of them another
    one each time. A database that does not answer is not judged.
    """
    if connections[alias].vendor != "postgresql":
        return False
    pair = [connections[alias].copy(), connections[alias].copy()]
    seen = []
    try:
        for connection in pair * 2:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_backend_pid()")
                seen += cursor.fetchone()
    except Error:
        return False
    finally:
        for connection in pair:
            connection.close()
    return seen[0] == seen[1] or seen[:2] != seen[2:]
