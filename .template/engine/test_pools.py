"""The threads of a web worker share its connections to the database."""

import logging
import time
from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy

import pytest
from django.db import OperationalError

from dyno import database, pools
from dyno.outages import is_unavailable
from dyno.pools import is_pool_exhausted

URL = "postgres://u:p@db.example.com/name"
NOWHERE = "postgres://u:p@127.0.0.1:1/name"


def test_each_database_has_a_pool_of_the_size_in_the_config_var(
    use_databases, monkeypatch
):
    monkeypatch.setenv("DATABASE_POOL_SIZE", "5")
    default, other = database.parse(URL), database.parse(URL)
    use_databases(default=default, other=other)
    pools.use_pools()
    assert default["OPTIONS"]["pool"]["max_size"] == 5
    assert other["OPTIONS"]["pool"]["max_size"] == 5


def test_two_workers_pools_fit_the_smallest_plan(monkeypatch):
    monkeypatch.setenv("DATABASE_POOL_SIZE", "")
    assert 2 * pools.pool_size() + 3 <= 20


OWN = {
    "persistent connections": database.parse(URL) | {"CONN_MAX_AGE": 60},
    "a pool of its own": database.parse(URL) | {"OPTIONS": {"pool": True}},
    "another database": database.parse("sqlite://:memory:"),
}


@pytest.mark.parametrize("config", OWN.values(), ids=OWN)
def test_a_database_is_left_alone_that_has(use_databases, config):
    config = deepcopy(config)
    use_databases(default=config)["default"]  # which adds Django's defaults
    before = deepcopy(config)
    pools.use_pools()
    options = config["OPTIONS"] | before["OPTIONS"]
    assert config | {"OPTIONS": options} == before | {"OPTIONS": options}
    assert config["OPTIONS"].get("pool") == before["OPTIONS"].get("pool")


def test_a_page_has_a_time_limit_for_its_queries(use_databases, settings):
    default = database.parse(URL)
    own = database.parse(URL, statement_timeout="60s")
    pooled = database.parse(URL, pooled=True)
    use_databases(default=default, own=own, pooled=pooled)
    settings.PAGE_STATEMENT_TIMEOUT = "20s"
    pools.use_pools()
    assert default["OPTIONS"]["options"] == "-c statement_timeout=20s"
    assert own["OPTIONS"]["options"] == "-c statement_timeout=60s"
    assert "options" not in pooled["OPTIONS"]


def test_the_direct_connection_beside_a_pooler_has_no_pool(use_databases):
    default, direct = database.parse(URL, pooled=True), database.parse(URL)
    use_databases(default=default, direct=direct)
    pools.use_pools()
    assert "pool" in default["OPTIONS"] and "pool" not in direct["OPTIONS"]


def test_two_databases_that_share_their_options_have_a_pool_each(use_databases):
    default = database.parse(URL)
    other = default | {"NAME": "other"}
    use_databases(default=default, other=other)
    pools.use_pools()
    given = [config["OPTIONS"]["pool"]["check"].args for config in (default, other)]
    assert given == [("default",), ("other",)]


@pytest.mark.parametrize("checks", [True, False])
def test_a_connection_is_checked_if_the_settings_say_so(use_databases, checks):
    config = database.parse(URL) | {"CONN_HEALTH_CHECKS": checks}
    use_databases(default=config)
    pools.use_pools()
    assert ("check" in config["OPTIONS"]["pool"]) is checks


def test_the_boot_line_counts_the_databases_that_have_a_pool(use_databases):
    kept = database.parse(URL) | {"CONN_MAX_AGE": 60}
    use_databases(default=database.parse(URL), other=database.parse(URL), kept=kept)
    pools.use_pools()
    line = pools.capacity(workers=3, threads=40)
    assert "3 workers x 8 (DATABASE_POOL_SIZE) x 2 databases = 48 database" in line
    assert line.endswith("96 while a release replaces another; 40 threads a worker")


def test_without_a_database_the_boot_line_speaks_of_threads_only(use_databases):
    use_databases(default=database.parse("sqlite://:memory:"))
    assert pools.capacity(workers=3, threads=40) == "40 threads a worker"


def test_without_the_library_there_is_no_pool(use_databases, monkeypatch):
    monkeypatch.setattr(pools, "find_spec", lambda name: None)
    config = database.parse(URL)
    use_databases(default=config)
    pools.use_pools()
    assert "pool" not in config["OPTIONS"]


@pytest.fixture
def pooled(on_postgresql, use_databases, monkeypatch):
    """Return a function that gives the tests' own database a pool of this size."""

    def pool(size):
        monkeypatch.setenv("DATABASE_POOL_SIZE", str(size))
        handler = use_databases(default=deepcopy(on_postgresql.settings_dict))
        pools.use_pools()
        return handler

    return pool


def request(handler):
    """Ask the database which of its processes answers, and end like a request."""
    connection = handler["default"]
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_backend_pid(), pg_sleep(0.05)")
            return cursor.fetchone()[0]
    finally:
        connection.close()


def requests(handler, number):
    """Return what so many requests at once got, each in a thread: a pid or an error."""
    with ThreadPoolExecutor(number) as threads:
        futures = [threads.submit(request, handler) for _ in range(number)]
        return [future.exception() or future.result() for future in futures]


def closed_by_server(connection, pid):
    """Return whether a process of PostgreSQL's ends within ten seconds."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1 FROM pg_stat_activity WHERE pid = %s", [pid])
            if not cursor.fetchone():
                return True
        time.sleep(0.05)
    return False


def test_more_requests_than_connections_wait_for_each_other(pooled):
    pids = requests(pooled(2), 6)
    assert all(isinstance(pid, int) for pid in pids)
    assert len(set(pids)) <= 2


def test_a_connection_that_the_server_closed_is_replaced(pooled, on_postgresql):
    """The next request checks it, so no visitor sees an error."""
    handler = pooled(1)
    pid = request(handler)
    assert request(handler) == pid
    with on_postgresql.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s)", [pid])
    assert closed_by_server(on_postgresql, pid)
    assert request(handler) != pid


def test_a_request_that_gets_no_connection_in_time_knows_why(pooled, monkeypatch):
    monkeypatch.setitem(pools.POOL, "timeout", 0.2)
    handler = pooled(1)
    handler["default"].ensure_connection()
    [error] = requests(handler, 1)
    assert is_pool_exhausted(error) and is_unavailable(error)


@pytest.mark.parametrize("error", [OperationalError("connection refused"), None])
def test_another_error_does_not_mean_that_the_pool_is_exhausted(error):
    assert not is_pool_exhausted(error)


def test_a_fork_inherits_neither_a_connection_nor_a_pool(pooled, on_postgresql):
    handler = pooled(2)
    handler["default"].ensure_connection()
    held = handler["default"].connection.info.backend_pid
    [unused] = requests(handler, 1)
    assert held != unused
    pools.disconnect()
    assert closed_by_server(on_postgresql, held)
    assert closed_by_server(on_postgresql, unused)
    assert request(handler)


def test_a_fork_does_not_inherit_a_connection_to_sqlite(use_databases, db, tmp_path):
    handler = use_databases(default=database.parse(f"sqlite:///{tmp_path}/db.sqlite3"))
    handler["default"].ensure_connection()
    pools.disconnect()
    assert handler["default"].connection is None


@pytest.fixture
def reasons(caplog, monkeypatch):
    """Return a function that tells what psycopg's pools have logged."""
    for quiet in logging.getLogger("psycopg.pool").filters:
        monkeypatch.setattr(quiet, "quiet_until", 0)
    return lambda: [r.getMessage() for r in caplog.records if r.name == "psycopg.pool"]


def test_requests_fail_soon_while_the_database_is_away(use_databases, db, reasons):
    handler = use_databases(default=database.parse(NOWHERE))
    pools.use_pools()
    started = time.monotonic()
    errors = requests(handler, 3)
    assert time.monotonic() - started < pools.POOL["timeout"] / 2
    assert all(map(is_unavailable, errors))
    assert not any(map(is_pool_exhausted, errors))
    [reason] = reasons()
    assert "refused" in reason


def test_requests_are_served_once_the_database_is_back(
    pooled, monkeypatch, closed_pools
):
    handler = pooled(1)
    with monkeypatch.context() as away:
        away.setitem(handler["default"].settings_dict, "PORT", "1")
        [error] = requests(handler, 1)
        assert is_unavailable(error)
        closed_pools()
    assert isinstance(request(handler), int)


def test_a_pool_with_a_connection_goes_on_if_it_cannot_make_another(
    pooled, monkeypatch
):
    handler = pooled(2)
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
