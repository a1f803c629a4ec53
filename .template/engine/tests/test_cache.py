import socket
import time

import pytest
from redis.exceptions import ResponseError

from mysite import cache as cache_module
from mysite.cache import FailOpenClient, FailOpenRedisCache


@pytest.fixture
def without_pause(monkeypatch):
    monkeypatch.setattr(FailOpenClient, "paused_until", 0)
    monkeypatch.setattr(cache_module, "PAUSE", 0)


@pytest.fixture
def cache(without_pause):
    """A cache in a Redis that is not there."""
    return FailOpenRedisCache("redis://127.0.0.1:1", {})


@pytest.fixture
def hung_cache(monkeypatch):
    """A cache in a Redis that takes connections and never answers."""
    monkeypatch.setattr(FailOpenClient, "paused_until", 0)
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"redis://127.0.0.1:{server.getsockname()[1]}"
        options = {"socket_connect_timeout": 0.2, "socket_timeout": 0.2}
        yield FailOpenRedisCache(url, {"OPTIONS": options})


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


def test_without_redis_a_counter_is_one_that_was_never_set(cache):
    for count in (cache.incr, cache.decr):
        with pytest.raises(ValueError, match="not found"):
            count("key")


def test_no_operation_of_djangos_client_is_left_out():
    client = FailOpenClient.__mro__[1]
    ours = {name for name in vars(client) if name[0] != "_"} - {"get_client"}
    assert ours == {name for name in vars(FailOpenClient) if name[0] != "_"} - {
        "paused_until"
    }


def test_a_redis_that_hangs_costs_its_timeout_once_and_not_in_each_request(hung_cache):
    started = time.monotonic()
    for _ in range(20):
        assert hung_cache.get("key") is None
    assert time.monotonic() - started < 0.6


def test_a_redis_that_is_back_is_used_again(monkeypatch, cache):
    assert cache.get("key") is None
    monkeypatch.setattr("redis.Redis.get", lambda self, key: b"7")
    assert cache.get("key") == 7


def test_a_redis_that_is_full_still_answers_reads(monkeypatch, cache):
    def refuse(self, *args, **kwargs):
        raise ResponseError("OOM command not allowed when used memory > 'maxmemory'")

    monkeypatch.setattr("redis.Redis.set", refuse)
    monkeypatch.setattr("redis.Redis.get", lambda self, key: b"7")
    cache.set("key", "value")
    assert FailOpenClient.paused_until == 0
    assert cache.get("key") == 7


def test_the_log_says_it_once_a_minute(cache, caplog, monkeypatch):
    monkeypatch.setattr(cache_module.logger.filters[0], "quiet_until", 0)
    for _ in range(5):
        cache.get("key")
    assert len(caplog.records) == 1
    assert "going on without it" in caplog.text


def test_redis_is_used_where_it_is_attached_and_the_database_elsewhere(
    production, settings_of
):
    redis = production | {"REDIS_URL": "rediss://:password@redis.example.com:6380"}
    settings = settings_of(**redis)
    backend = settings["CACHES"]["default"]["BACKEND"]
    assert backend == "mysite.cache.FailOpenRedisCache"
    # Heroku signs its own certificate.
    assert settings["CACHES"]["default"]["OPTIONS"]["ssl_cert_reqs"] is None
    # A session out of Redis could be one that has been logged out meanwhile.
    assert "SESSION_ENGINE" not in settings

    backend = settings_of(**production)["CACHES"]["default"]["BACKEND"]
    assert backend == "django.core.cache.backends.db.DatabaseCache"


def test_without_any_database_the_cache_is_in_memory(production, settings_of):
    alone = {k: v for k, v in production.items() if k != "DATABASE_URL"}
    backend = settings_of(**alone)["CACHES"]["default"]["BACKEND"]
    assert backend == "django.core.cache.backends.locmem.LocMemCache"
