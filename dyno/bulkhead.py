"""Keeps one thread of a process free, whatever the others are stuck in."""

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

# A request that takes longer than this may hang: on a database, say.
STUCK_SECONDS = 5


class Bulkhead:
    """Gives Django all threads of a process but one.

    A request that finds no place waits, since a slow page is not a fault. Once nothing
    has been answered for STUCK_SECONDS, it is refused. From then on no request waits
    until one has been answered within STUCK_SECONDS: a waiting request holds the thread
    that /up and the static files need.
    """

    def __init__(self) -> None:
        self.places: int | None = None  # no limit, until a worker knows its threads
        self.changed = threading.Condition()
        self.entered: dict[object, float] = {}  # by time.monotonic()'s clock
        self.progress = 0.0  # when one was answered, or found a place at once
        self.left = 0.0  # when the last one was answered, well or not
        self.failing = self.stuck = False

    def enter(self) -> object | None:
        """Return a token to give back to leave(), or None if the request is refused."""
        token = object()
        with self.changed:
            now, idle = time.monotonic(), not self.entered
            room = not self.failing and len(self.entered) < (self.places or 1)
            if room or (idle and now - self.left > STUCK_SECONDS):
                self.progress = now
            while self.places and len(self.entered) >= self.places:
                waited = time.monotonic() - self.progress
                self.stuck = self.stuck or waited >= STUCK_SECONDS
                if self.stuck:
                    return None
                self.changed.wait(STUCK_SECONDS - waited)
            self.entered[token] = time.monotonic()
        return token

    def leave(self, token: object, *, failed: bool = False) -> None:
        """Free the place of a request, which may have failed after a time-out."""
        with self.changed:
            self.left = now = time.monotonic()
            self.failing = failed
            if now - self.entered.pop(token) < STUCK_SECONDS and not failed:
                self.progress, self.stuck = now, False
            self.changed.notify()


class Closing:
    """The body of a WSGI response, with a function to call once it has been sent."""

    def __init__(self, body: Iterable[bytes], then: Callable[[], Any]) -> None:
        self.body, self.then = body, then

    def __iter__(self) -> Iterator[bytes]:
        return iter(self.body)

    def close(self) -> None:
        """Close the body, as the server does when it is done with a response."""
        try:
            getattr(self.body, "close", bool)()
        finally:
            self.then()
