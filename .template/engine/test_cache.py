"""A site survives the loss of its Redis."""

import shutil
import subprocess
import threading

import pytest
from django.core.cache.backends.redis import RedisCache

from dyno import cache as cache_module
from dyno.cache import FailOpenRedisCache


@pytest.fixture(scope="module")
def redis_url(tmp_path_factory):
    """The URL of a Redis server that these tests start."""
    program = shutil.which("redis-server")
    if not program:
        pytest.skip("redis-server is not installed")
    path = tmp_path_factory.mktemp("redis") / "socket"
    command = [program, "--port", "0", "--unixsocket", path, "--save", ""]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        for line in server.stdout:
            if "ready to accept connections at" in line:
                break
        yield f"unix://{path}"
        server.terminate()


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


def test_a_full_redis_refuses_writes_and_is_read(redis_url):
    cache = FailOpenRedisCache(redis_url, {})
    redis = cache._cache.get_client()
    cache.set("key", 7)
    redis.config_set("maxmemory", 1)
    cache.set("key", 8)
    assert cache.get("key") == 7
    redis.config_set("maxmemory", 0)


def test_the_threads_of_a_process_share_eight_connections(redis_url):
    cache = FailOpenRedisCache(redis_url, {})
    clients = []

    def work():
        of_this_thread = FailOpenRedisCache(redis_url, {})  # as Django makes them
        for _ in range(20):
            of_this_thread.set("key", 7)

    threads = [threading.Thread(target=work) for _ in range(30)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        info = cache._cache.get_client().info("clients")
        clients.append(info["connected_clients"])
    assert 1 < max(clients) <= 8
