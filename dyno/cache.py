"""A Redis cache that may fail: each failure is a miss, and is logged."""

import functools
import logging
import time
from collections.abc import Callable
from typing import Any

from django.core.cache.backends.redis import RedisCache
from redis import BlockingConnectionPool
from redis.exceptions import ConnectionError, TimeoutError

from dyno.logs import OnceAMinute

logger = logging.getLogger(__name__)
logger.addFilter(OnceAMinute())

# While Redis hangs, one request in so many seconds waits for it; others do not.
PAUSE_SECONDS = 2

# How many connections the threads of a process share, as the smallest plan has 20, and
# how long one of them waits for one, in seconds.
POOL_SIZE = 8
POOL_SECONDS = 0.5


def fail_open(operation: Callable[..., Any], miss: Callable[..., Any]) -> Any:
    """Return a method that does `operation`, or returns `miss(…)` if Redis fails."""

    @functools.wraps(operation)
    def attempt(cache: "FailOpenRedisCache", *args: Any, **kwargs: Any) -> Any:
        kind, now = FailOpenRedisCache, time.monotonic()
        if now < kind.paused_until:
            return miss(*args, **kwargs)
        if kind.paused_until:
            # One thread tries whether Redis is back; the others do not wait.
            kind.paused_until = now + PAUSE_SECONDS
        try:
            answer = operation(cache, *args, **kwargs)
        except Exception as error:
            if miss is no_counter and type(error) is ValueError:
                kind.paused_until = 0
                raise
            # Any other error is an answer: Redis is there, but full or read-only.
            if isinstance(error, (ConnectionError, TimeoutError)):
                kind.paused_until = time.monotonic() + PAUSE_SECONDS
            name = operation.__name__
            logger.error("Redis failed in %s, going on without it: %s", name, error)
            return miss(*args, **kwargs)
        kind.paused_until = 0
        return answer

    return attempt


def no_counter(key: str, *args: Any, **kwargs: Any) -> None:
    """Raise ValueError, as a cache does for a counter that it does not have."""
    raise ValueError(f"Key '{key}' not found.")


class SharedPool:
    """Lets all threads of a process share connections: Django makes a pool for each."""

    pools: dict[str, BlockingConnectionPool] = {}

    @classmethod
    def from_url(cls, url: str, **options: Any) -> BlockingConnectionPool:
        """Return the pool for a URL; Django calls this for OPTIONS["pool_class"]."""
        options = {"max_connections": POOL_SIZE, "timeout": POOL_SECONDS} | options
        pool = BlockingConnectionPool.from_url(url, **options)
        return cls.pools.setdefault(f"{url} {options}", pool)


class FailOpenRedisCache(RedisCache):
    """Django's Redis cache, which answers like an empty one while Redis is away."""

    def __init__(self, server: Any, params: dict[str, Any]) -> None:
        options = {"pool_class": SharedPool} | params.get("OPTIONS", {})
        super().__init__(server, params | {"OPTIONS": options})

    # On time.monotonic()'s clock; shared by all threads of the process.
    paused_until = 0.0

    add = fail_open(RedisCache.add, lambda *args, **kwargs: False)
    get = fail_open(RedisCache.get, lambda key, default=None, version=None: default)
    set = fail_open(RedisCache.set, lambda *args, **kwargs: None)
    touch = fail_open(RedisCache.touch, lambda *args, **kwargs: False)
    delete = fail_open(RedisCache.delete, lambda *args, **kwargs: False)
    get_many = fail_open(RedisCache.get_many, lambda *args, **kwargs: {})
    has_key = fail_open(RedisCache.has_key, lambda *args, **kwargs: False)
    incr = fail_open(RedisCache.incr, no_counter)
    set_many = fail_open(RedisCache.set_many, lambda data, *args, **kwargs: [*data])
    delete_many = fail_open(RedisCache.delete_many, lambda *args, **kwargs: None)
    clear = fail_open(RedisCache.clear, lambda *args, **kwargs: False)
