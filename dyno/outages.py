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


def name(alias: str) -> str:
    """Return what a message calls a database."""
    if alias in ("default", "direct"):
        return "The database in DATABASE_URL"
    return f"The database {alias}"
