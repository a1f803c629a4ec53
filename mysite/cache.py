"""A Redis cache whose loss a site survives: what fails is a miss, said in the log."""

from django.core.cache.backends.redis import RedisCache


class FailOpenRedisCache(RedisCache):
    """To be written."""
