"""How connections are made, kept and judged."""

import psycopg
import pytest
from django.db import InternalError, OperationalError, ProgrammingError

from dyno import database
from dyno.database import from_environ, is_local
from dyno.outages import is_unavailable, lacks_migration

URL = "postgres://u:p@db.example.com/name"


def default(url=URL, *, local=False, **environ):
    return from_environ({"DATABASE_URL": url} | environ, local=local)["default"]


def test_connections_are_checked_encrypted_and_timed():
    config = default()
    assert config["CONN_HEALTH_CHECKS"] is True
    assert config["CONN_MAX_AGE"] == 0  # a pool allows nothing else
    assert config["OPTIONS"]["sslmode"] == "require"
    assert config["OPTIONS"]["connect_timeout"] <= 5
    assert config["OPTIONS"]["tcp_user_timeout"] <= 30_000


def test_the_options_in_the_url_are_left_alone():
    config = default(f"{URL}?sslmode=verify-full&connect_timeout=9")
    assert config["OPTIONS"]["sslmode"] == "verify-full"
    assert config["OPTIONS"]["connect_timeout"] == 9


@pytest.mark.parametrize(
    "host, local",
    [("", True), ("localhost", True), ("127.0.0.1", True), ("::1", True)]
    + [("/var/run/postgresql", True), ("localhost.example.com", False)],
)
def test_a_database_on_this_machine_needs_no_tls(host, local):
    assert is_local(host) is local


def test_tls_is_not_asked_of_a_local_database_or_in_development():
    assert "sslmode" not in default("postgres://localhost/name")["OPTIONS"]
    assert "sslmode" not in default(local=True)["OPTIONS"]


def test_a_config_var_limits_the_queries_of_every_process():
    options = default(DATABASE_STATEMENT_TIMEOUT="25s")["OPTIONS"]
    assert options["options"] == "-c statement_timeout=25s"
    assert "options" not in default()["OPTIONS"]


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


def test_the_pgbouncer_buildpack_is_a_pooler():
    environ = {"DATABASE_URL_PGBOUNCER": URL, "DATABASE_STATEMENT_TIMEOUT": "25s"}
    config = default("postgres://u:p@127.0.0.1:6000/name", **environ)
    assert config["DISABLE_SERVER_SIDE_CURSORS"] is True
    assert "options" not in config["OPTIONS"]


@pytest.mark.parametrize("url", ["nonsense", "postgres://[@h"])
def test_an_unusable_url_does_not_stop_the_build(url):
    unusable = {"DATABASE_URL": url}
    pool = {"DATABASE_URL": URL, "DATABASE_CONNECTION_POOL_URL": url}
    for environ in ({}, unusable, pool):
        config = from_environ(environ, local=False)
        assert config["default"]["ENGINE"] == "django.db.backends.dummy"
        assert "direct" not in config


def test_settings_may_add_to_the_database_where_there_is_none(use_databases):
    config = from_environ({}, local=False)
    config["default"]["OPTIONS"]["sslmode"] = "verify-full"
    use_databases(**config)
    assert not database.attached()


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
        (caused(ProgrammingError, "42601"), False, False),
        (OperationalError("no such column: a.b"), False, True),
        (OperationalError("table a has no column named b"), False, True),
        (ProgrammingError("no such table"), False, False),
        (None, False, False),
    ],
)
def test_an_error_tells_what_is_missing(error, unavailable, lacks):
    assert is_unavailable(error) is unavailable
    assert lacks_migration(error) is lacks


def test_off_heroku_the_servers_certificate_is_verified():
    config = from_environ({"DATABASE_URL": URL}, local=False, verify=True)["default"]
    assert config["OPTIONS"]["sslmode"] == "verify-full"
    assert config["OPTIONS"]["sslrootcert"]
    url = f"{URL}?sslmode=disable"
    config = from_environ({"DATABASE_URL": url}, local=False, verify=True)["default"]
    assert config["OPTIONS"]["sslmode"] == "disable"
    assert "sslrootcert" not in config["OPTIONS"]
