"""A Redis cache whose loss a site survives: what fails is a miss, and is logged."""

import copy
import functools
import logging
import time
from collections.abc import Callable
from typing import Any

from django.core.cache.backends.redis import RedisCache
from redis.exceptions import ConnectionError, TimeoutError

from dyno.logs import OnceAMinute

logger = logging.getLogger(__name__)
logger.addFilter(OnceAMinute())

# A Redis that hangs costs its time-out once in so many seconds, not in each request.
PAUSE_SECONDS = 2


def fail_open(name: str, miss: Any) -> Callable[..., Any]:
    """Return RedisCache's method of this name, which returns `miss` if Redis fails."""
    operation = getattr(RedisCache, name)

    @functools.wraps(operation)
    def attempt(cache: "FailOpenRedisCache", *args: Any, **kwargs: Any) -> Any:
        now, shared = time.monotonic(), FailOpenRedisCache
        if now >= shared.paused_until:
            if shared.paused_until:
                # One thread tries whether Redis is back; the others do not wait.
                shared.paused_until = now + PAUSE_SECONDS
            try:
                answer = operation(cache, *args, **kwargs)
                shared.paused_until = 0
                return answer
            except Exception as error:
                if name == "incr" and type(error) is ValueError:
                    raise  # no such key
                # Any other error is an answer: Redis is there, but full or read-only.
                if isinstance(error, (ConnectionError, TimeoutError)):
                    shared.paused_until = time.monotonic() + PAUSE_SECONDS
                logger.error("Redis failed in %s, going on without: %s", name, error)
        if name == "get":
            return kwargs.get("default", args[1] if len(args) > 1 else None)
        if name == "incr":
            raise ValueError("Redis is away, so there is no such key")
        return copy.copy(miss)

    return attempt


class FailOpenRedisCache(RedisCache):
    """Django's Redis cache, which answers like an empty one while Redis is away."""

    # On time.monotonic()'s clock; shared by all threads of the process.
    paused_until = 0.0

    add = fail_open("add", False)
    get = fail_open("get", None)
    set = fail_open("set", None)
    touch = fail_open("touch", False)
    delete = fail_open("delete", False)
    get_many = fail_open("get_many", {})
    has_key = fail_open("has_key", False)
    incr = fail_open("incr", None)
    set_many = fail_open("set_many", [])
    delete_many = fail_open("delete_many", None)
    clear = fail_open("clear", False)
