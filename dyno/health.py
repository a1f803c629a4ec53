"""The health of what the site needs, which /ready shows."""

import logging
import threading
import time
from typing import Any

from django.conf import settings
from django.core.cache import cache
from django.db import connections

from dyno import database, noise

logger = logging.getLogger(__name__)
logger.addFilter(noise.OnceAMinute())

# How long an answer is remembered, in seconds, so that nobody keeps the database busy.
SUCCESS_SECONDS = 1
FAILURE_SECONDS = 5


class Health:
    """Checks what the site needs, in one thread at a time, and remembers the answer."""

    def __init__(self) -> None:
        self.asking = threading.Lock()
        self.last: dict[str, Any] = {}
        self.until = 0.0  # on time.monotonic()'s clock
        self.migrated: set[str] = set()  # aliases, until the next deploy

    def states(self) -> dict[str, Any]:
        """Return the state of each dependency by its name.

        While one thread asks, the others return the last answer without waiting, except
        at the start, when they wait for the first.
        """
        if not self.asking.acquire(blocking=not self.last):
            return self.last
        try:
            if time.monotonic() >= self.until:
                self.last = self.ask()
                seconds = SUCCESS_SECONDS
                if "failed" in self.last.values():
                    seconds = FAILURE_SECONDS
                self.until = time.monotonic() + seconds
        finally:
            self.asking.release()
        return self.last

    def ask(self) -> dict[str, Any]:
        """Ask the databases, and what may need one only if none has failed."""
        states = {alias: state(ask_database, alias) for alias in database.aliases()}
        states["database"] = states.pop("default")
        if "failed" in states.values():
            return states
        states["migrations"] = state(self.ask_migrations)
        states["cache"] = state(ask_cache)
        has_queue = settings.TASKS["default"]["BACKEND"].startswith("django_tasks_db.")
        if has_queue and states["migrations"] == "ok":
            from dyno.heartbeat import queue_and_workers

            states |= queue_and_workers()
        return states

    def ask_migrations(self) -> str:
        """Return "ok" if every database has all migrations, and "none" without one."""
        if not database.attached():
            return "none"
        for alias in set(database.aliases()) - self.migrated:
            if database.unapplied(alias):
                cause = f"the database {alias} lacks some"
                raise RuntimeError(f"{cause}. Fix: python manage.py release")
            self.migrated.add(alias)
        return "ok"


def state(ask: Any, *arguments: str) -> str:
    """Return the answer of a function, or log why it is "failed"."""
    try:
        return ask(*arguments)
    except Exception as error:
        asked = " ".join([ask.__name__, *arguments])
        logger.error("/ready: %s failed: %s", asked, error)
        return "failed"


def ask_database(alias: str) -> str:
    """Return "ok" if a database answers, and "none" without one."""
    if not database.attached(alias):
        return "none"
    with connections[alias].cursor() as cursor:
        cursor.execute("SELECT 1")
    return "ok"


def ask_cache() -> str:
    """Return "ok" if the cache keeps what it is given, else "failed"."""
    cache.set("ready", "yes", 10)
    if cache.get("ready") == "yes":
        return "ok"
    return "failed"


health = Health()
