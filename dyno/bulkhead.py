"""Keeps one thread of a process free, whatever the others are stuck in."""

import math
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

# A request that takes longer than this may hang: on a database, say.
STUCK_SECONDS = 5

# One that fails after this has waited for a part that does not answer.
TIME_OUT_SECONDS = 1


class Bulkhead:
    """Gives Django all threads of a process but one.

    A request that finds no place waits, since a slow page is not a fault. Once nothing
    has been answered for STUCK_SECONDS, it is refused. From then on no request waits
    until one has been answered within STUCK_SECONDS: a waiting request holds the thread
    that /up and the static files need. After a time-out no answer counts for as long,
    since pages that do not need the part that hangs are still answered.
    """

    def __init__(self) -> None:
        self.places: int | None = None  # no limit, until a worker knows its threads
        self.changed = threading.Condition()
        self.entered: dict[object, float] = {}  # by time.monotonic()'s clock
        self.progress = 0.0  # when one was answered, or found a place at once
        self.timed_out = -math.inf  # when one last failed after a time-out
        self.stuck = False

    def enter(self) -> object | None:
        """Return a token to give back to leave(), or None if the request is refused."""
        token = object()
        with self.changed:
            now = time.monotonic()
            room = len(self.entered) < (self.places or 1)
            if room and now - self.timed_out > STUCK_SECONDS:
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
        """Free the place of a request, which may have failed."""
        with self.changed:
            now = time.monotonic()
            took = now - self.entered.pop(token)
            if failed and took >= TIME_OUT_SECONDS:
                self.timed_out = now
            elif took < STUCK_SECONDS and now - self.timed_out > STUCK_SECONDS:
                self.progress, self.stuck = now, False
            self.changed.notify()


class Closing:
    """The body of a WSGI response, with a function to call once it has been sent.

    What would end the process, such as sys.exit() in a stream, ends the response only.
    """

    def __init__(self, body: Iterable[bytes], then: Callable[[], Any]) -> None:
        self.body, self.then = body, then

    def __iter__(self) -> Iterator[bytes]:
        chunks = iter(self.body)
        while (chunk := ordinary(next, chunks, None)) is not None:
            yield chunk

    def close(self) -> None:
        """Close the body, as the server does when it is done with a response."""
        try:
            ordinary(getattr(self.body, "close", bool))
        finally:
            self.then()


def ordinary(call: Callable[..., Any], *arguments: Any) -> Any:
    """Return the result of a call; what it raises is an Exception in any case."""
    try:
        return call(*arguments)
    except Exception:
        raise
    except BaseException as error:
        raise RuntimeError(f"A response raised {type(error).__name__}") from error
