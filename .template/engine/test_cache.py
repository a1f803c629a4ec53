"""A site survives the loss of its Redis."""

import shutil
import subprocess
import threading
import time

import pytest
from django.core.cache.backends.base import BaseCache
from django.core.cache.backends.redis import RedisCache
from redis.exceptions import ResponseError

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
        deadline = time.monotonic() + 20
        while not path.exists() and time.monotonic() < deadline:
            time.sleep(0.02)
        yield f"unix://{path}"
    finally:
        server.terminate()
        server.wait()


def test_without_redis_every_operation_is_a_miss(cache):
    assert cache.get("key") is None
    assert cache.get("key", "default") == "default"
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


def test_without_redis_each_caller_gets_a_dict_of_its_own(cache):
    cache.get_many(["key"])["key"] = "value"
    assert cache.get_many(["key"]) == {}


def test_without_redis_a_counter_is_one_that_was_never_set(cache):
    for count in (cache.incr, cache.decr):
        with pytest.raises(ValueError, match="not found"):
            count("key")


def test_no_operation_is_left_out():
    def public(cls):
        return {n for n, value in vars(cls).items() if n[0] != "_" and callable(value)}

    # These make keys and connections, or call the operations.
    harmless = {"get_backend_timeout", "make_key", "make_and_validate_key", "close"}
    harmless |= {"validate_key", "get_or_set", "decr", "incr_version", "decr_version"}
    harmless |= {f"a{name}" for name in public(BaseCache)}
    operations = (public(BaseCache) | public(RedisCache)) - harmless
    assert operations == public(FailOpenRedisCache)


def test_a_redis_that_refuses_is_asked_again_at_once(redis_url, monkeypatch):
    def refuse(*args, **kwargs):
        raise ResponseError("OOM command not allowed when used memory > 'maxmemory'")

    cache = FailOpenRedisCache(redis_url, {})
    cache.set("key", 7)
    monkeypatch.setattr("redis.Redis.set", refuse)
    assert cache.set("key", 8) is None
    assert cache.get("key") == 7


def test_an_outage_is_logged_once_a_minute(cache, caplog, monkeypatch):
    monkeypatch.setattr(cache_module.logger.filters[0], "quiet_until", 0)
    for _ in range(5):
        cache.get("key")
    assert len(caplog.records) == 1
    assert "going on without it" in caplog.text


def test_a_redis_that_is_there_is_used_like_djangos_cache(redis_url):
    cache = FailOpenRedisCache(redis_url, {})
    assert cache.add("a", 1) and not cache.add("a", 2)
    assert cache.get("a") == 1 and cache.incr("a", 4) == 5
    assert cache.set_many({"b": [2], "c": None}) == []
    assert cache.get_many(["a", "b", "c", "d"]) == {"a": 5, "b": [2], "c": None}
    assert cache.has_key("c") and not cache.has_key("d")
    assert cache.touch("a") and cache.delete("a") and not cache.delete("a")
    with pytest.raises(ValueError, match="not found"):
        cache.incr("a")
    cache.delete_many(["b"])
    assert cache.get("b") is None and cache.clear()


def test_a_missing_counter_is_no_failure_of_redis(redis_url, caplog, monkeypatch):
    monkeypatch.setattr(cache_module.logger.filters[0], "quiet_until", 0)
    with pytest.raises(ValueError, match="not found"):
        FailOpenRedisCache(redis_url, {}).incr("none")
    assert not caplog.records


def test_the_threads_of_a_process_share_eight_connections(redis_url):
    cache = FailOpenRedisCache(redis_url, {})
    clients = []

    def work():
        of_this_thread = FailOpenRedisCache(redis_url, {})  # as Django makes them
        for _ in range(20):
            of_this_thread.set("key", 7)
            assert of_this_thread.get("key") == 7

    threads = [threading.Thread(target=work) for _ in range(30)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        info = cache._cache.get_client().info("clients")
        clients.append(info["connected_clients"])
    assert 1 < max(clients) <= 8
