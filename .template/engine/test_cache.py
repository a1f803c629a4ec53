"""A site survives the loss of its Redis."""

import shutil
import subprocess
import threading
import time
from contextlib import suppress

import pytest
from django.core.cache.backends.base import BaseCache
from django.core.cache.backends.redis import RedisCache
from redis import ConnectionError, Redis

from dyno import cache as cache_module
from dyno.cache import FailOpenRedisCache


@pytest.fixture
def cache():
    """A cache in a Redis that is not there."""
    return FailOpenRedisCache("redis://127.0.0.1:1", {})


@pytest.fixture(scope="module")
def redis_url(tmp_path_factory):
    """The URL of a Redis server that these tests start."""
    program = shutil.which("redis-server")
    if not program:
        pytest.skip("redis-server is not installed")
    path = tmp_path_factory.mktemp("redis") / "socket"
    command = [program, "--port", "0", "--unixsocket", path, "--save", ""]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, cwd=path.parent)
    try:
        for _ in range(400):
            time.sleep(0.05)
            with suppress(ConnectionError):
                Redis.from_url(f"unix://{path}").ping()
                break
        yield f"unix://{path}"
    finally:
        server.terminate()
        server.wait()


def test_without_redis_every_operation_is_a_miss_and_the_log_says_so_once(
    cache, caplog, monkeypatch
):
    monkeypatch.setattr(cache_module.logger.filters[0], "quiet_until", 0)
    assert cache.get("key") is None
    assert cache.get("key", "default") == "default"
    cache.get_many(["key"])["key"] = "value"
    assert cache.get_many(["key"]) == {}
    assert cache.get_or_set("key", "value") == "value"
    assert cache.has_key("key") is False
    assert "key" not in cache
    assert cache.set("key", "value") is None
    assert cache.set_many({"key": "value"}) == []
    assert cache.add("key", "value") is False
    assert cache.touch("key") is False
    assert cache.delete("key") is False
    assert cache.delete_many(["key"]) is None
    assert cache.clear() is False
    for count in (cache.incr, cache.decr):
        with pytest.raises(ValueError, match="not found"):
            count("key")
    [failure] = [r.getMessage() for r in caplog.records if r.name == "dyno.cache"]
    assert failure.startswith("Redis failed, going on without it")


def test_no_operation_is_left_out():
    def public(cls):
        return {n for n, value in vars(cls).items() if n[0] != "_" and callable(value)}

    # These make keys and connections, or call the operations.
    harmless = {"get_backend_timeout", "make_key", "make_and_validate_key", "close"}
    harmless |= {"validate_key", "get_or_set", "decr", "incr_version", "decr_version"}
    harmless |= {f"a{name}" for name in public(BaseCache)}
    operations = (public(BaseCache) | public(RedisCache)) - harmless
    assert operations == public(FailOpenRedisCache)


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
