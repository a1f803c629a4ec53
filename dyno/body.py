"""The body of a request: complete, in bounded time, or refused."""

import io
import socket
import threading
from contextlib import suppress
from typing import Any

from django.core.exceptions import BadRequest

# Each block of BLOCK bytes must arrive at LEAST_RATE bytes a second, with
# PATIENCE_SECONDS to spare.
BLOCK = 8 * 1024
LEAST_RATE = 1_000
PATIENCE_SECONDS = 10

# What a request that is refused may still send, and how long that may take. If bytes
# are left when the connection is closed, the client may lose the answer.
DISCARDED_BYTES = 1024 * 1024
DISCARD_SECONDS = 0.25


def hang_up(connection: Any) -> None:
    """Stop reading from a client; a read that waits for it ends."""
    with suppress(AttributeError, OSError):  # not gunicorn's, or closed
        connection.shutdown(socket.SHUT_RD)


def receive(stream: Any, connection: Any, size: int, seconds: float) -> bytes:
    """Return `size` bytes of a body, or fewer if it ends or takes too many seconds."""
    timer = threading.Timer(seconds, hang_up, [connection])
    timer.daemon = True
    timer.start()
    data = b""
    with suppress(OSError):  # the client is silent, or gone
        data = stream.read(size)
    timer.cancel()
    return data


def discard(environ: dict[str, Any]) -> None:
    """Read a body that nobody wants, or hang up if it is long or slow.

    gunicorn would wait for it, for up to five seconds.
    """
    client = environ["wsgi.input"], environ.get("gunicorn.socket")
    if len(receive(*client, DISCARDED_BYTES, DISCARD_SECONDS)) == DISCARDED_BYTES:
        hang_up(client[1])


class RequestBody(io.RawIOBase):
    """A request's body as a file, which is never cut short without an error.

    Otherwise a view would take half a form for the whole form. Wrap it in
    io.BufferedReader.
    """

    def __init__(self, environ: dict[str, Any]) -> None:
        self.client = environ["wsgi.input"], environ.get("gunicorn.socket")
        self.left = int(environ["CONTENT_LENGTH"])

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        """Read at most a block; raise BadRequest, a 400, if the body ends too early."""
        if not (size := min(len(buffer), self.left, BLOCK)):
            return 0
        data = receive(*self.client, size, PATIENCE_SECONDS + size / LEAST_RATE)
        if len(data) < size:
            raise BadRequest("The body ended too early, or came too slowly")
        buffer[:size] = data
        self.left -= size
        return size
