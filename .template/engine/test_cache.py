"""A site survives the loss of its Redis."""

import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.core.cache.backends.redis import RedisCache

from dyno import cache as cache_module
from dyno.cache import FailOpenRedisCache


def test_without_redis_every_operation_is_a_miss_and_the_log_says_so_once(
    caplog, monkeypatch
):
    monkeypatch.setattr(cache_module.logger.filters[0], "quiet_until", 0)
    cache = FailOpenRedisCache("redis://127.0.0.1:1", {})
    assert cache.get("key") is None
    assert cache.get("key", "default") == "default"
    cache.get_many(["key"])["key"] = "value"
    assert cache.get_many(["key"]) == {}
    assert cache.get_or_set("key", "value") == "value"
    assert cache.has_key("key") is False
    assert cache.set("key", "value") is None
    assert cache.set_many({"key": "value"}) == []
    assert cache.add("key", "value") is False
    assert cache.touch("key") is False
    assert cache.delete("key") is False
    assert cache.delete_many(["key"]) is None
    assert cache.clear() is False
    with pytest.raises(ValueError, match="not found"):
        cache.incr("key")
    [failure] = [r.getMessage() for r in caplog.records if r.name == "dyno.cache"]
    assert failure.startswith("Redis failed, going on without it")


def test_no_operation_of_djangos_redis_cache_is_left_out():
    operations = {name for name in vars(RedisCache) if not name.startswith("_")}
    assert operations - vars(FailOpenRedisCache).keys() == {"get_backend_timeout"}


def test_a_full_redis_is_read_and_a_process_holds_eight_connections(tmp_path):
    program = shutil.which("redis-server")
    if not program:
        pytest.skip("redis-server is not installed")
    socket = tmp_path / "socket"
    command = [program, "--port", "0", "--unixsocket", socket, "--save", ""]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        for line in server.stdout:
            if "ready to accept connections at" in line:
                break
        cache = FailOpenRedisCache(f"unix://{socket}", {})
        redis = cache._cache.get_client()
        cache.set("key", 7)
        redis.config_set("maxmemory", 1)

        def work(number):
            of_this_thread = FailOpenRedisCache(f"unix://{socket}", {})  # as Django's
            for _ in range(20):
                of_this_thread.set("key", 8)
            return of_this_thread.get("key"), redis.info("clients")["connected_clients"]

        with ThreadPoolExecutor(30) as threads:
            seen = [*threads.map(work, range(30))]
        server.terminate()
    assert {value for value, _ in seen} == {7}
    assert 1 < max(connections for _, connections in seen) <= 8
