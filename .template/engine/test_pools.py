"""The threads of a web worker share its connections to the database."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy

import pytest
from django.conf import settings
from django.db.utils import ConnectionHandler

from dyno import database, pools

URL = "postgres://u:p@db.example.com/name"


@pytest.fixture
def use_databases(monkeypatch):
    """Return a function that replaces DATABASES, and returns their connections."""

    def use(**configs):
        # Not by pytest-django's settings, which warn of this one.
        monkeypatch.setattr(settings, "DATABASES", configs)
        connections = ConnectionHandler(configs)
        for module in (database, pools):
            monkeypatch.setattr(module, "connections", connections)
        return connections

    yield use
    for thread in threading.enumerate():
        if thread.name.endswith("(close)"):
            thread.join(10)
    pools.connections.all()  # or this thread would not know of others' pools
    pools.disconnect()


def test_each_database_has_a_pool_of_the_size_in_the_config_var(
    use_databases, monkeypatch
):
    monkeypatch.setenv("DATABASE_POOL_SIZE", "5")
    default = database.parse(URL)
    other = default | {"NAME": "other"}  # they share their options
    unchecked = default | {"CONN_HEALTH_CHECKS": False}
    use_databases(default=default, other=other, unchecked=unchecked)
    pools.use_pools()
    for alias, config in {"default": default, "other": other}.items():
        assert config["OPTIONS"]["pool"]["max_size"] == 5
        assert config["OPTIONS"]["pool"]["check"].args == (alias,)
        assert config["OPTIONS"]["options"] == "-c statement_timeout=25s"
    assert "check" not in unchecked["OPTIONS"]["pool"]


def test_two_workers_pools_fit_the_smallest_plan(monkeypatch):
    monkeypatch.setenv("DATABASE_POOL_SIZE", "")
    assert 2 * pools.pool_size() + 3 <= 20


def test_a_database_keeps_its_own_pool_or_connections_and_time_limit(use_databases):
    kept = database.parse(URL, statement_timeout="60s") | {"CONN_MAX_AGE": 60}
    pooled = database.parse(URL) | {"OPTIONS": {"pool": True}}
    file = database.parse("sqlite://:memory:")
    use_databases(default=kept, pooled=pooled, file=file).all()
    before = deepcopy(file)  # with Django's defaults
    pools.use_pools()
    assert "pool" not in kept["OPTIONS"]
    assert kept["OPTIONS"]["options"] == "-c statement_timeout=60s"
    assert pooled["OPTIONS"]["pool"] is True
    assert file == before


def test_a_poolers_two_connections_have_a_pool_for_pages_and_no_time_limit(
    use_databases,
):
    default, direct = database.parse(URL, pooled=True), database.parse(URL)
    use_databases(default=default, direct=direct)
    pools.use_pools()
    assert "pool" in default["OPTIONS"] and "options" not in default["OPTIONS"]
    assert "pool" not in direct["OPTIONS"]


def test_a_page_has_a_time_limit_for_its_queries_without_psycopg_pool_as_well(
    use_databases, monkeypatch
):
    monkeypatch.setattr(pools, "find_spec", lambda name: None)
    default = database.parse(URL)
    use_databases(default=default)
    monkeypatch.setattr(settings, "PAGE_STATEMENT_TIMEOUT", "20s", raising=False)
    pools.use_pools()
    assert default["OPTIONS"]["options"] == "-c statement_timeout=20s"
    assert "pool" not in default["OPTIONS"]


def test_the_boot_line_counts_the_databases_that_have_a_pool(use_databases):
    kept = database.parse(URL) | {"CONN_MAX_AGE": 60}
    use_databases(default=database.parse(URL), other=database.parse(URL), kept=kept)
    pools.use_pools()
    line = pools.capacity(workers=3, threads=40)
    assert "3 workers x 8 (DATABASE_POOL_SIZE) x 2 databases = 48 database" in line
    assert line.endswith("96 while a release replaces another; 40 threads a worker")
    use_databases(default=kept)
    assert pools.capacity(workers=3, threads=40) == "40 threads a worker"


def request(handler):
    """Return which process of the database answers, and end like a request."""
    connection = handler["default"]
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_backend_pid()")
            return cursor.fetchone()[0]
    finally:
        connection.close()


def test_a_pool_with_a_connection_goes_on_if_it_cannot_make_another(
    on_postgresql, use_databases, monkeypatch
):
    handler = use_databases(default=deepcopy(on_postgresql.settings_dict))
    pools.use_pools()
    connection = handler["default"]
    connection.ensure_connection()
    pid = connection.connection.info.backend_pid
    pool = connection.pool
    monkeypatch.setitem(pool.kwargs, "port", "1")
    with ThreadPoolExecutor(1) as threads:
        waiting = threads.submit(request, handler)
        wait_until(lambda: pool.get_stats().get("connections_errors"))
        wait_until(lambda: pool.get_stats()["pool_size"] == 1)
        time.sleep(0.2)  # for what would close it
        connection.close()
        assert waiting.result() == pid


def wait_until(condition):
    """Wait until this is true, for at most ten seconds."""
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)
