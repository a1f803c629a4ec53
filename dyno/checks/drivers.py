"""
The URLs of databases and caches, tried out by the drivers that use them.

With a URL's options, each driver connects to a port of this machine where nobody
listens. If that is not what it complains of, the URL is wrong. No server is reached.
"""

import os
import re

from django.conf import settings
from django.core.exceptions import SynchronousOnlyOperation
from django.db import OperationalError, connections

from dyno import database
from dyno.checks.registry import Problems, check, error

NOBODY = {"HOST": "127.0.0.1", "PORT": 1}

UNUSABLE = (
    "is not a URL, names no database, or has an option that the driver refuses. In a "
    "password, write # as %23, / as %2F, ? as %3F, @ as %40 and [ as %5B"
)


def is_usable(alias: str) -> bool:
    """Return whether a database's URL was read, and the driver accepts its options."""
    if connections[alias].vendor == "unknown":
        # Without DATABASE_URL "default" is a dummy, which is no mistake.
        return alias == "default" and "DATABASE_URL" not in os.environ
    if connections[alias].vendor != "postgresql":
        return True
    connection = connections[alias].copy()
    connection.settings_dict |= NOBODY
    connection.settings_dict["OPTIONS"].pop("pool", None)  # it would go on trying
    try:
        connection.cursor()
    except (OperationalError, SynchronousOnlyOperation):
        return True  # within the event loop of a server, the release has tried it
    except Exception:  # of Django, of the driver, or of the encoding
        return False
    return True  # somebody does listen


@check("configuration")
def database_urls() -> Problems:
    """Find a database that no process could connect to."""
    for alias in connections:
        if is_usable(alias):
            continue
        name = f"The URL of the database {alias}"
        if alias in ("default", database.DIRECT):
            name = "DATABASE_URL"
            if os.environ.get(database.POOL_URL):
                name = f"DATABASE_URL or {database.POOL_URL}"
        fix = "heroku config:set DATABASE_URL=postgres://USER:PASSWORD@HOST/NAME"
        yield error(4, f"{name} {UNUSABLE}.", fix)


def is_understood(url: str) -> bool:
    """Return whether redis-py can read a URL, and accepts its options."""
    from redis import BlockingConnectionPool, ConnectionError

    try:
        connection = BlockingConnectionPool.from_url(url).make_connection()
        connection.host = NOBODY["HOST"]
        connection.port = NOBODY["PORT"]
        connection.connect()
    except ConnectionError:
        return True
    except Exception:  # of several libraries
        return False
    return True  # somebody does listen


@check()
def redis_urls() -> Problems:
    """Find a cache's URL that would only fail at the first request."""
    for alias, config in settings.CACHES.items():
        if not config["BACKEND"].endswith("RedisCache"):
            continue
        urls = config["LOCATION"]
        if isinstance(urls, str):
            urls = re.split("[;,]", urls)
        if not all(map(is_understood, urls)):
            cause = f"REDIS_URL, or what the cache {alias} uses instead, is not a URL "
            cause += "or has an option that redis-py refuses."
            fix = "heroku config:set REDIS_URL=rediss://:PASSWORD@HOST:6379"
            yield error(13, cause, fix)
