"""What an error of the database means."""

import os
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


UNPOOLED = (
    "set DATABASE_URL to the URL past the pooler, and DATABASE_CONNECTION_POOL_URL to "
    "the pooler's  (docs/growing.md#a-connection-pooler)"
)

# Of what PostgreSQL or libpq says: a part, what it means, and what helps on Heroku and
# elsewhere.
KNOWN = [
    (
        "connection slots|too many connections",
        "it has no connection left",
        "heroku pg:info shows the limit, heroku ps:restart gives back the dynos'",
        "stop another process that uses it",
    ),
    (
        "password authentication failed|no password supplied",
        "user or password is wrong",
        "heroku pg:credentials:url",
        "correct its URL",
    ),
    (
        "permission denied for (schema|database)",
        "its user may not create tables",
        "GRANT CREATE ON SCHEMA public TO USER, as its owner in heroku pg:psql",
        "GRANT CREATE ON SCHEMA public TO USER, as its owner in psql",
    ),
    (
        "must be owner of|permission denied for table",
        "another user owns its tables",
        "REASSIGN OWNED BY OTHER TO USER, in heroku pg:psql",
        "REASSIGN OWNED BY OTHER TO USER, as a superuser in psql",
    ),
    (
        "does not support SSL",
        "it has no TLS",
        "heroku pg:info",
        "put ?sslmode=disable at the end of its URL, if its network is private",
    ),
    (
        "certificate verify failed|root certificate file",
        "the authority that signed its certificate is not known here",
        "?sslmode=require at the end of its URL",
        "?sslmode=verify-full&sslrootcert=FILE of the provider's own authority at the "
        "end of its URL, or ?sslmode=require, which verifies nothing",
    ),
    (
        "unsupported startup parameter",
        "it is behind a pooler, which takes no time-out",
        UNPOOLED,
        UNPOOLED,
    ),
]


def explain(error: BaseException, alias: str = "default") -> str:
    """Return which database cannot be used, why and what to do, or "" if unknown."""
    for pattern, cause, on_heroku, elsewhere in KNOWN:
        if re.search(pattern, str(error)):
            command = on_heroku if "DYNO" in os.environ else elsewhere
            return f"{name(alias)} cannot be used: {cause}. Fix: {command}"
    return ""


def name(alias: str) -> str:
    """Return what a message calls a database."""
    if alias in ("default", "direct"):
        return "The database in DATABASE_URL"
    return f"The database {alias}"
