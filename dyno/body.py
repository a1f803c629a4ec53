"""The body of a request: complete, in bounded time, or refused."""

import io
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from django.core.exceptions import BadRequest

# Each block of BLOCK bytes must arrive at LEAST_RATE bytes a second, with
# PATIENCE_SECONDS to spare.
BLOCK = 8 * 1024
LEAST_RATE = 1_000
PATIENCE_SECONDS = 10

# How long the rest of a body may take that nobody reads, in seconds: after Django's
# answer, and where the thread that /up needs must not be held up.
PATIENTLY, QUICKLY = 5, 0.25


def hang_up(connection: Any) -> None:
    """Stop reading from a client; a read that waits for it ends."""
    with suppress(AttributeError, OSError):  # not gunicorn's, or closed
        connection.shutdown(socket.SHUT_RD)


@contextmanager
def patience(connection: Any, seconds: float) -> Iterator[None]:
    """Hang up if the block takes longer; end it if the client is silent, or gone."""
    timer = threading.Timer(seconds, hang_up, [connection])
    timer.daemon = True
    timer.start()
    try:
        with suppress(OSError):
            yield
    finally:
        timer.cancel()


def discard(environ: dict[str, Any], seconds: float) -> None:
    """Read what is left of a body, or hang up after so many seconds.

    gunicorn would wait for as long as bytes trickle in. If bytes are left when a
    connection is closed, the client may lose the answer.
    """
    if environ.get("CONTENT_LENGTH", "").strip("0"):
        stream = environ.get("dyno.input") or environ["wsgi.input"]
        with patience(environ.get("gunicorn.socket"), seconds):
            while stream.read(BLOCK):
                pass


class RequestBody(io.RawIOBase):
    """A request's body as a file, which is never cut short without an error.

    Otherwise a view would take half a form for the whole form. Wrap it in
    io.BufferedReader.
    """

    def __init__(self, environ: dict[str, Any]) -> None:
        self.stream, self.left = environ["wsgi.input"], int(environ["CONTENT_LENGTH"])
        self.socket = environ.get("gunicorn.socket")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        """Read at most a block; raise BadRequest, a 400, if the body ends too early."""
        if not (size := min(len(buffer), self.left, BLOCK)):
            return 0
        data = b""
        with patience(self.socket, PATIENCE_SECONDS + size / LEAST_RATE):
            data = self.stream.read(size)
        if len(data) < size:
            raise BadRequest("The body ended too early, or came too slowly")
        buffer[:size] = data
        self.left -= size
        return size
