"""The threads of a web worker share its connections to the database."""

import gc
import time
from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy
from types import SimpleNamespace

import pytest

from dyno import database, pools, server

URL = "postgres://u:p@db.example.com/name"


def test_each_database_has_a_pool_of_the_size_in_the_config_var(
    use_databases, monkeypatch
):
    monkeypatch.setenv("DATABASE_POOL_SIZE", "5")
    default = database.parse(URL)
    other = default | {"NAME": "other"}  # they share their options
    path = database.parse(f"{URL}?options=-csearch_path%3Dshop")
    unchecked = default | {"CONN_HEALTH_CHECKS": False}
    use_databases(default=default, other=other, unchecked=unchecked, path=path)
    pools.use_pools()
    for alias, config in {"default": default, "other": other}.items():
        assert config["OPTIONS"]["pool"]["max_size"] == 5
        assert config["OPTIONS"]["pool"]["check"].args == (alias,)
        assert config["OPTIONS"]["options"] == "-c statement_timeout=25s"
    assert "check" not in unchecked["OPTIONS"]["pool"]
    limited = "-csearch_path=shop -c statement_timeout=25s"
    assert path["OPTIONS"]["options"] == limited
    line = pools.capacity(workers=3, threads=40)
    assert "3 workers x 5 (DATABASE_POOL_SIZE) x 4 databases = 60 database" in line
    assert line.endswith("120 while a release replaces another; 40 threads a worker")


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
    assert "x 1 databases" in pools.capacity(workers=3, threads=40)


def test_a_page_has_a_time_limit_for_its_queries_without_psycopg_pool_as_well(
    use_databases, settings, monkeypatch
):
    monkeypatch.setattr(pools, "find_spec", lambda name: None)
    default = database.parse(URL)
    use_databases(default=default)
    settings.PAGE_STATEMENT_TIMEOUT = "20s"
    pools.use_pools()
    assert default["OPTIONS"]["options"] == "-c statement_timeout=20s"
    assert "pool" not in default["OPTIONS"]


@pytest.mark.parametrize("preload_app", [True, False])
def test_a_fork_shares_no_connection_and_no_garbage(monkeypatch, preload_app):
    disconnected = []
    monkeypatch.setattr(pools, "disconnect", lambda: disconnected.append(1))
    cfg = SimpleNamespace(preload_app=preload_app)
    server.prepare_fork(SimpleNamespace(cfg=cfg), None)
    assert gc.get_freeze_count() > 0
    gc.unfreeze()
    assert bool(disconnected) is preload_app  # else no settings are loaded there


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
        time.sleep(2)  # the pool has given up by then
        connection.close()
        assert waiting.result() == pid
    pools.disconnect()
