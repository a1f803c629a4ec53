"""What an error of the database means."""

import re

from django.db import InterfaceError, InternalError, OperationalError

READ_ONLY = "25006"  # the plan is over its row limit, or the server is a follower now
UNDEFINED = ("42P01", "42703")  # table, column
NO_SUCH = re.compile("no such (table|column)|has no column named")


def sqlstate(error: BaseException | None) -> str | None:
    """Return PostgreSQL's code of an error: its Appendix A lists them."""
    return getattr(getattr(error, "__cause__", None), "sqlstate", None)


def lacks_migration(error: BaseException | None) -> bool:
    """Return whether an error means that a table or column is missing."""
    in_sqlite = isinstance(error, OperationalError) and NO_SUCH.search(str(error))
    return bool(in_sqlite) or sqlstate(error) in UNDEFINED


def is_unavailable(error: BaseException | None) -> bool:
    """Return whether an error means that the database cannot do its work just now."""
    if isinstance(error, InternalError):
        return sqlstate(error) == READ_ONLY
    kinds = (OperationalError, InterfaceError)
    return isinstance(error, kinds) and not lacks_migration(error)


# What PostgreSQL or libpq says: a part of it, or its code.
KNOWN = {
    "connection slots|too many connections": (
        "it has no connection left. Fix: stop another process that uses it"
    ),
    "permission denied for (schema|database)": (
        "the user may not create tables. Fix: GRANT CREATE ON SCHEMA public TO USER"
    ),
    "must be owner of|permission denied for table": (
        "another user owns the tables. Fix: REASSIGN OWNED BY OTHER TO USER"
    ),
    "does not support SSL": (
        "it has no TLS. Fix: sslmode=disable in its URL, if its network is private"
    ),
    "certificate verify failed|root certificate file": (
        "the authority that signed its certificate is not known here. Fix: in its URL, "
        "sslrootcert=FILE of that authority, or sslmode=require, which verifies nothing"
    ),
    "55P03": (
        "another process holds a lock for too long. Fix: find it in pg_stat_activity, "
        "then SELECT pg_terminate_backend(PID)  (docs/errors.md#locks)"
    ),
}


def known(error: BaseException) -> str:
    """Return what an error means and what to do, or "" if it is not known."""
    said = f"{sqlstate(error)} {error}"
    for part, text in KNOWN.items():
        if re.search(part, said):
            return text
    return ""


def explain(error: BaseException, alias: str = "default") -> str:
    """Return which database cannot be used, why and what to do."""
    said = str(error).strip().partition("\n")[0]
    text = known(error) or f"{said}. Fix: start it, or correct its URL"
    return f"{name(alias)} cannot be used: {text}"


def name(alias: str) -> str:
    """Return what a message calls a database."""
    if alias in ("default", "direct"):
        return "The database in DATABASE_URL"
    return f"The database {alias}"
