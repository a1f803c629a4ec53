"""Poolers in transaction mode, which keep nothing of a session: no lock, no SET."""

from django.db import Error, connections

from dyno import outages


def pooler_problem(alias: str) -> str:
    """Return why a command that needs a session of its own cannot run, "" if it can."""
    if not shares_sessions(alias):
        return ""
    return (
        f"{outages.name(alias)} is behind a pooler in transaction mode, which would "
        "give this command's locks to other processes. Fix: set the URL past the "
        "pooler, and DATABASE_CONNECTION_POOL_URL to the pooler's  "
        "(docs/growing.md#a-connection-pooler)"
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
    except Error as error:
        return "unsupported startup parameter" in str(error)  # as PgBouncer says
    finally:
        for connection in pair:
            connection.close()
    return seen[0] == seen[1] or seen[:2] != seen[2:]
