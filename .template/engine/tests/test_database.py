"""What a connection to PostgreSQL is asked, and when."""

import time

import pytest
from django.db import connections


@pytest.mark.django_db(transaction=True)
def test_a_health_check_asks_nothing_and_sees_that_the_server_hung_up(monkeypatch):
    connection = connections["default"]
    if connection.vendor != "postgresql":
        pytest.skip("SQLite has no server")
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        [pid] = cursor.fetchone()
    asked = []
    monkeypatch.setattr(type(connection), "is_usable", asked.append)
    assert connection.is_usable() and not asked
    monkeypatch.undo()
    other = connection.copy()
    with other.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s)", [pid])
    other.close()
    deadline = time.monotonic() + 5
    while connection.is_usable() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not connection.is_usable()
    connection.close()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("doubt", ["an error", "it is closed"])
def test_a_health_check_asks_where_there_is_doubt(monkeypatch, doubt):
    connection = connections["default"]
    if connection.vendor != "postgresql":
        pytest.skip("SQLite has no server")
    connection.close()
    monkeypatch.setattr(type(connection), "is_usable", lambda self: "asked")
    connection.ensure_connection()
    assert connection.is_usable() is True
    if doubt == "an error":
        monkeypatch.setattr(connection, "errors_occurred", True)
    else:
        connection.connection.close()
    assert connection.is_usable() == "asked"
    connection.close()
