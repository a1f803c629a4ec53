"""A Redis cache that may fail: each failure is a miss, and is logged."""

import logging
from collections.abc import Callable
from copy import copy
from typing import Any

from django.core.cache.backends.redis import RedisCache
from redis import BlockingConnectionPool
from redis.exceptions import RedisError

from dyno.noise import OnceAMinute

logger = logging.getLogger(__name__)
logger.addFilter(OnceAMinute())


def fail_open(operation: Callable[..., Any], miss: Any) -> Callable[..., Any]:
    """Return a method that does `operation`, or else returns `miss`, or raises it."""

    def attempt(cache: RedisCache, *args: Any, **kwargs: Any) -> Any:
        try:
            return operation(cache, *args, **kwargs)
        except RedisError as error:
            logger.error("Redis failed, going on without it: %s", error)
        if miss is ValueError:
            raise ValueError("The counter was not found: Redis failed.")
        return copy(miss)

    return attempt


class SharedPool:
    """Lets all threads of a process share connections: Django makes a pool for each."""

    pools: dict[str, BlockingConnectionPool] = {}

    @classmethod
    def from_url(cls, url: str, **options: Any) -> BlockingConnectionPool:
        """Return the pool for a URL; Django calls this for OPTIONS["pool_class"]."""
        # The smallest plan has 20 connections. A thread waits half a second for one.
        options = {"max_connections": 8, "timeout": 0.5} | options
        pool = BlockingConnectionPool.from_url(url, **options)
        return cls.pools.setdefault(f"{url} {options}", pool)


class FailOpenRedisCache(RedisCache):
    """Django's Redis cache, which answers like an empty one while Redis is away."""

    def __init__(self, server: Any, params: dict[str, Any]) -> None:
        options = {"pool_class": SharedPool} | params.get("OPTIONS", {})
        super().__init__(server, params | {"OPTIONS": options})

    def get(self, key: str, default: Any = None, version: int | None = None) -> Any:
        return self.get_many([key], version).get(key, default)

    add = fail_open(RedisCache.add, False)
    clear = fail_open(RedisCache.clear, False)
    delete = fail_open(RedisCache.delete, False)
    delete_many = fail_open(RedisCache.delete_many, None)
    get_many = fail_open(RedisCache.get_many, {})
    has_key = fail_open(RedisCache.has_key, False)
    incr = fail_open(RedisCache.incr, ValueError)
    set = fail_open(RedisCache.set, None)
    set_many = fail_open(RedisCache.set_many, [])
    touch = fail_open(RedisCache.touch, False)
