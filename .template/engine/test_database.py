"""How connections are made, kept and judged."""

import psycopg
import pytest
from django.db import InternalError, OperationalError, ProgrammingError

from dyno.database import from_environ
from dyno.outages import is_unavailable, lacks_migration, name

URL = "postgres://u:p@db.example.com/name"


def default(url=URL, *, local=False, verify=False, **environ):
    environ["DATABASE_URL"] = url
    return from_environ(environ, local=local, verify=verify)["default"]


def test_connections_are_checked_and_timed_unless_the_url_says_otherwise():
    config = default(f"{URL}?connect_timeout=9")
    assert config["CONN_HEALTH_CHECKS"] is True
    assert config["CONN_MAX_AGE"] == 0  # a pool allows nothing else
    assert config["OPTIONS"]["connect_timeout"] == 9
    assert config["OPTIONS"]["tcp_user_timeout"] <= 30_000
    assert "options" not in config["OPTIONS"]  # a release and a task take their time
    options = default(DATABASE_STATEMENT_TIMEOUT="25s")["OPTIONS"]
    assert options["options"] == "-c statement_timeout=25s"


@pytest.mark.parametrize(
    "host", ["", "localhost", "127.0.0.1", "[::1]", "%2Fvar%2Frun%2Fpostgresql"]
)
def test_tls_is_not_asked_of_a_database_on_this_machine(host):
    assert "sslmode" not in default(f"postgres://{host}/name")["OPTIONS"]


def test_tls_is_asked_of_others_but_not_in_development():
    url = "postgres://localhost.example.com/name"
    assert default(url)["OPTIONS"]["sslmode"] == "require"
    assert "sslmode" not in default(url, local=True)["OPTIONS"]


def test_off_heroku_the_servers_certificate_is_verified_unless_the_url_says_otherwise():
    options = default(verify=True)["OPTIONS"]
    assert options["sslmode"] == "verify-full" and options["sslrootcert"]
    options = default(f"{URL}?sslmode=disable", verify=True)["OPTIONS"]
    assert options["sslmode"] == "disable" and "sslrootcert" not in options


def test_with_a_pooler_there_are_a_pooled_and_a_direct_connection():
    pool = "postgres://u:p@pool.example.com/name"
    environ = {"DATABASE_URL": URL, "DATABASE_CONNECTION_POOL_URL": pool}
    environ["DATABASE_STATEMENT_TIMEOUT"] = "25s"
    config = from_environ(environ, local=False)
    assert config["default"]["HOST"] == "pool.example.com"
    assert config["default"]["DISABLE_SERVER_SIDE_CURSORS"] is True
    assert "options" not in config["default"]["OPTIONS"], "PgBouncer refuses them"
    assert config["direct"]["HOST"] == "db.example.com"
    assert not config["direct"].get("DISABLE_SERVER_SIDE_CURSORS")
    assert config["direct"]["TEST"] == {"MIRROR": "default"}
    assert name("direct") == "The database in DATABASE_URL"


def test_an_unusable_url_does_not_stop_the_build():
    unusable = {"DATABASE_URL": "postgres://[@h"}
    pool = {"DATABASE_URL": URL, "DATABASE_CONNECTION_POOL_URL": "nonsense"}
    for environ in ({}, unusable, pool):
        config = from_environ(environ, local=False)
        dummy = {"ENGINE": "django.db.backends.dummy", "OPTIONS": {}}
        assert config == {"default": dummy}  # to which settings may add


def test_another_database_is_left_to_its_own_options():
    assert default("sqlite:////tmp/a")["ENGINE"].endswith("sqlite3")
    assert "OPTIONS" not in default("mysql://u:p@h/d")


def caused(kind, state):
    error = kind()
    error.__cause__ = psycopg.errors.lookup(state)()
    return error


@pytest.mark.parametrize(
    "error, unavailable, lacks",
    [
        (OperationalError("the connection is lost"), True, False),
        (caused(InternalError, "25006"), True, False),  # read-only
        (caused(InternalError, "25P02"), False, False),  # a mistake in a transaction
        (caused(ProgrammingError, "42P01"), False, True),
        (caused(ProgrammingError, "42703"), False, True),
        (OperationalError("no such column: a.b"), False, True),
        (OperationalError("table a has no column named b"), False, True),
        (ProgrammingError("no such table"), False, False),
    ],
)
def test_an_error_tells_what_is_missing(error, unavailable, lacks):
    assert is_unavailable(error) is unavailable
    assert lacks_migration(error) is lacks
