"""The threads of a web worker share its connections to the database."""

import time
from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy

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
        assert config["OPTIONS"]["options"] == "-c statement_timeout=25s"


def test_two_workers_pools_fit_the_smallest_plan(monkeypatch):
    monkeypatch.setenv("DATABASE_POOL_SIZE", "")
    assert 2 * pools.pool_size() + 3 <= 20


def test_a_database_keeps_persistent_connections_or_a_pool_of_its_own(use_databases):
    kept = database.parse(URL) | {"CONN_MAX_AGE": 60}
    own = database.parse(URL) | {"OPTIONS": {"pool": True}}
    sqlite = database.parse("sqlite://:memory:")
    use_databases(default=kept, own=own, sqlite=sqlite)
    pools.use_pools()
    assert "pool" not in kept["OPTIONS"]
    assert own["OPTIONS"]["pool"] is True
    assert sqlite["OPTIONS"] == {}


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


def test_a_connection_is_not_checked_if_the_settings_say_so(use_databases):
    config = database.parse(URL) | {"CONN_HEALTH_CHECKS": False}
    use_databases(default=config)
    pools.use_pools()
    assert "check" not in config["OPTIONS"]["pool"]


def test_the_boot_line_counts_the_databases_that_have_a_pool(use_databases):
    kept = database.parse(URL) | {"CONN_MAX_AGE": 60}
    use_databases(default=database.parse(URL), other=database.parse(URL), kept=kept)
    pools.use_pools()
    line = pools.capacity(workers=3, threads=40)
    assert "3 workers x 8 (DATABASE_POOL_SIZE) x 2 databases = 48 database" in line
    assert line.endswith("96 while a release replaces another; 40 threads a worker")
    use_databases(default=kept)
    assert pools.capacity(workers=3, threads=40) == "40 threads a worker"


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

    def request():
        """Return which process of the database answers."""
        with handler["default"].cursor() as cursor:
            cursor.execute("SELECT pg_backend_pid()")
            [found] = cursor.fetchone()
        handler["default"].close()
        return found

    with ThreadPoolExecutor(1) as threads:
        waiting = threads.submit(request)
        while not pool.get_stats().get("connections_errors"):
            assert not waiting.done()
            time.sleep(0.05)
        time.sleep(1)  # for what would close the pool
        connection.close()
        assert waiting.result() == pid
