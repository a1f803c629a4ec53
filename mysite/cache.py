"""A Redis cache whose loss a site survives: what fails is a miss, said in the log."""

import functools
import logging
import time

from django.core.cache.backends.redis import RedisCache, RedisCacheClient
from redis.exceptions import ConnectionError, RedisError, TimeoutError

from mysite.logs import OnceAMinute

logger = logging.getLogger(__name__)
logger.addFilter(OnceAMinute())

# A Redis that hangs costs its timeout once in so many seconds, not in each request.
PAUSE = 2


def fail_open(operation, miss):
    """Return a method that does `operation`, or returns `miss(*args)` without Redis."""

    @functools.wraps(operation)
    def attempt(client, *args):
        now = time.monotonic()
        if now < FailOpenClient.paused_until:
            return miss(*args)
        if FailOpenClient.paused_until:
            # One thread tries whether Redis is back; the others wait for its word.
            FailOpenClient.paused_until = now + PAUSE
        try:
            answer = operation(client, *args)
        except RedisError as error:
            # Any other error is an answer: Redis is there, but full or read-only.
            if isinstance(error, (ConnectionError, TimeoutError)):
                FailOpenClient.paused_until = time.monotonic() + PAUSE
            name = operation.__name__
            logger.error("Redis failed in %s, going on without it: %s", name, error)
            return miss(*args)
        FailOpenClient.paused_until = 0
        return answer

    return attempt


def not_found(key, delta):
    raise ValueError(f"Key '{key}' not found.")


class FailOpenClient(RedisCacheClient):
    """Django's client of Redis, which answers as an empty cache while Redis is away."""

    # On time.monotonic()'s clock; shared by all threads of the process.
    paused_until = 0

    get = fail_open(RedisCacheClient.get, lambda key, default: default)
    get_many = fail_open(RedisCacheClient.get_many, lambda keys: {})
    has_key = fail_open(RedisCacheClient.has_key, lambda key: False)
    add = fail_open(RedisCacheClient.add, lambda key, value, timeout: False)
    set = fail_open(RedisCacheClient.set, lambda key, value, timeout: None)
    set_many = fail_open(RedisCacheClient.set_many, lambda data, timeout: None)
    touch = fail_open(RedisCacheClient.touch, lambda key, timeout: False)
    incr = fail_open(RedisCacheClient.incr, not_found)
    delete = fail_open(RedisCacheClient.delete, lambda key: False)
    delete_many = fail_open(RedisCacheClient.delete_many, lambda keys: None)
    clear = fail_open(RedisCacheClient.clear, lambda: False)


class FailOpenRedisCache(RedisCache):
    """Django's Redis cache on that client."""

    def __init__(self, server, params):
        super().__init__(server, params)
        self._class = FailOpenClient
