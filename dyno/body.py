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
        timer = threading.Timer(PATIENCE_SECONDS + size / LEAST_RATE, self.hang_up)
        timer.daemon = True
        timer.start()
        data = b""
        with suppress(OSError):  # the client is silent, or gone
            data = self.stream.read(size)
        timer.cancel()
        if len(data) < size:
            raise BadRequest("The body ended too early, or came too slowly")
        buffer[:size] = data
        self.left -= size
        return size

    def hang_up(self) -> None:
        """Stop reading from a client that is too slow: the read above then ends."""
        with suppress(AttributeError, OSError):  # not gunicorn's, or closed
            self.socket.shutdown(socket.SHUT_RD)
