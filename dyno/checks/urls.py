"""What is wrong with the URL of a service.

Nothing of a URL is repeated, not even its scheme: if a password was pasted alone or
unescaped, any part may be the password.
"""

import re
from urllib.parse import parse_qsl, unquote, urlsplit

import dj_database_url

from dyno.database import POSTGRESQL

# User and password, host and port, path, query. Whatever else means something in a URL.
LOGIN, PLAIN = r"[^\s/?#@\[\]\\]*", r"[^\s:/?#@\[\]\\]*"
SOUND = re.compile(
    rf"\w+://({LOGIN}@)?({PLAIN}|\[[0-9A-Fa-f:]+\])(:\d+)?(/[^\s?#@\\]*)?(\?[^\s#@\\]*)?"
)
HOSTS = re.compile(r"\w+://([^@/]*@)?[\w.-]+(:\d+)?(,[\w.-]+(:\d+)?)+/.*")
SSL_MODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")

# Options that dj-database-url or Django handle. A pool is none of them: it would reach
# the release and the task worker, too.
OTHER_OPTIONS = {"currentSchema", "assume_role", "isolation_level"}
OTHER_OPTIONS |= {"prepare_threshold", "server_side_binding"}


def url_problem(url: str, schemes: list[str]) -> str | None:
    """Return what is wrong with a URL in half a sentence, or None."""
    scheme = url.partition("://")[0]
    if not url:
        return "is empty"
    if scheme == url:
        return f"is not a URL: it does not begin with {schemes[0]}://"
    if scheme not in schemes:
        return f"has an unknown scheme; {schemes[0]}:// is expected"
    if scheme == "sqlite":
        sound = re.fullmatch(r"sqlite://(:memory:|/[^#?\\[\]]*)?", url)
        return None if sound else "is not sqlite:// followed by a path"
    if HOSTS.fullmatch(url):
        return "names more than one host"
    try:
        unquote(url, errors="strict").encode()
        if SOUND.fullmatch(url) and urlsplit(url).port != 0:
            return None
    except ValueError:  # of the encoding or of the port
        pass
    return (
        "cannot be read: a character of the user or password must be escaped "
        "(# as %23, / as %2F, ? as %3F, @ as %40, [ as %5B)"
    )


def database_url_problem(url: str) -> str | None:
    """Return what is wrong with a database's URL in half a sentence, or None."""
    scheme = url.partition("://")[0]
    try:
        engine = dj_database_url.parse(f"{scheme}://host/name")["ENGINE"]
    except ValueError:
        scheme = "postgres"
    if cause := url_problem(url, ["postgres", scheme]):
        return cause
    parts = urlsplit(url)
    if scheme != "sqlite" and not parts.path[1:]:
        return "names no database: its path is empty"
    if not engine.endswith(POSTGRESQL):
        return None
    from psycopg import Error, conninfo

    options = dict(parse_qsl(parts.query))
    if options.get("sslmode", "require") not in SSL_MODES:
        return f"has an sslmode that is none of {', '.join(SSL_MODES)}"
    try:
        conninfo.make_conninfo(**{name: "" for name in options.keys() - OTHER_OPTIONS})
    except Error:
        return "has an option after its ? that is not PostgreSQL's, or is a pool"
    return None
