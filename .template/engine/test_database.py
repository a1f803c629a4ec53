"""How connections are made, kept and judged."""

import psycopg
import pytest
from django.db import Error, InternalError, OperationalError, connection

from dyno.database import PGBOUNCER, POOL_URL, from_environ
from dyno.outages import is_unavailable, lacks_migration

URL = "postgres://u:p@db.example.com/name"


def default(url=URL, *, local=False, verify=False, **environ):
    environ["DATABASE_URL"] = url
    return from_environ(environ, local=local, verify=verify)["default"]


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


@pytest.mark.parametrize("host", ["", "localhost", "127.0.0.1", "[::1]", "%2Frun"])
def test_tls_is_not_asked_of_a_database_on_this_machine(host):
    assert "sslmode" not in default(f"postgres://{host}/name")["OPTIONS"]
    options = default("postgres://localhost.example.com/name")["OPTIONS"]
    assert options["sslmode"] == "require"


def test_tls_is_not_asked_in_development():
    assert "sslmode" not in default(local=True)["OPTIONS"]


def test_a_config_var_limits_the_queries_of_every_process():
    options = default(DATABASE_STATEMENT_TIMEOUT="25s")["OPTIONS"]
    assert options["options"] == "-c statement_timeout=25s"
    assert "options" not in default()["OPTIONS"]


@pytest.mark.parametrize("config_var", [POOL_URL, PGBOUNCER])
def test_a_pooler_has_no_cursors_of_the_server_and_no_options(config_var):
    config = default(**{config_var: URL}, DATABASE_STATEMENT_TIMEOUT="25s")
    assert config["DISABLE_SERVER_SIDE_CURSORS"] is True
    assert "options" not in config["OPTIONS"], "PgBouncer refuses them"


def test_beside_a_pooler_there_is_a_direct_connection():
    pool = "postgres://u:p@pool.example.com/name"
    config = from_environ({"DATABASE_URL": URL, POOL_URL: pool}, local=False)
    assert config["default"]["HOST"] == "pool.example.com"
    assert config["direct"]["HOST"] == "db.example.com"
    assert not config["direct"]["DISABLE_SERVER_SIDE_CURSORS"]
    assert config["direct"]["TEST"] == {"MIRROR": "default"}


@pytest.mark.parametrize(
    "environ",
    [{}, {"DATABASE_URL": "nonsense"}, {"DATABASE_URL": URL, POOL_URL: "nonsense"}],
)
def test_an_unusable_url_does_not_stop_the_build_and_settings_may_add_to_it(environ):
    dummy = {"ENGINE": "django.db.backends.dummy", "OPTIONS": {}}
    assert from_environ(environ, local=False) == {"default": dummy}


def test_another_database_is_left_to_its_own_options():
    assert "OPTIONS" not in default("mysql://u:p@h/d")


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM no_such_table",
        "SELECT no_such_column FROM auth_user",
        "INSERT INTO auth_user (no_such_column) VALUES (1)",
    ],
)
def test_an_error_tells_that_a_table_or_column_is_missing(db, sql):
    with pytest.raises(Error) as raised, connection.cursor() as cursor:
        cursor.execute(sql)
    assert lacks_migration(raised.value)
    assert not is_unavailable(raised.value)


@pytest.mark.parametrize(
    "state, unavailable",
    [("25006", True), ("25P02", False)],
    ids=["read-only", "a mistake in a transaction"],
)
def test_an_error_tells_whether_the_database_is_unavailable(state, unavailable):
    error = InternalError()
    error.__cause__ = psycopg.errors.lookup(state)()
    assert is_unavailable(error) is unavailable


def test_an_error_tells_that_the_connection_is_lost():
    error = OperationalError("the connection is lost")
    assert is_unavailable(error) and not lacks_migration(error)


def test_off_heroku_the_servers_certificate_is_verified():
    options = default(verify=True)["OPTIONS"]
    assert options["sslmode"] == "verify-full"
    assert options["sslrootcert"]
    options = default(f"{URL}?sslmode=disable", verify=True)["OPTIONS"]
    assert options["sslmode"] == "disable"
    assert "sslrootcert" not in options
