"""The threads of a web worker share its connections to the database."""

import time
from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy

import pytest

from dyno import database, pools

URL = "postgres://u:p@db.example.com/name"


def test_each_database_has_a_pool_of_the_size_in_the_config_var(
    use_databases, monkeypatch
):
    monkeypatch.setenv("DATABASE_POOL_SIZE", "5")
    default = database.parse(URL)
    other = default | {"NAME": "other"}  # they share their options
    use_databases(default=default, other=other)
    pools.use_pools()
    for alias, config in {"default": default, "other": other}.items():
        assert config["OPTIONS"]["pool"]["max_size"] == 5
        assert config["OPTIONS"]["pool"]["check"].args == (alias,)


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
