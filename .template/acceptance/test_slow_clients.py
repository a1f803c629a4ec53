"""Clients that never go on or hang up: nobody else has to wait."""

import contextlib
import socket
import struct
import threading
import time

import pytest
from wire import NEXT, POST, request, statuses, talk


def close_after_the_end(client):
    with client:
        while client.recv(65536):
            pass


@pytest.mark.parametrize(
    "count, sent, seconds",
    [
        # server.RECEIVE_SECONDS of clients that never go on, one on each thread
        (40, request("GET / HTTP/1.1", "X: ")[:-4], 13),
        # server.SEND_SECONDS of clients that do not read on, one on each thread
        (40, request("GET /static/large HTTP/1.1"), 25),
        # two seconds of gunicorn's for each client that never closes
        (5, NEXT, 12),
    ],
    ids=["silent", "deaf", "unclosed"],
)
def test_clients_that_do_nothing_do_not_hold_the_threads_for_ever(
    pushed, count, sent, seconds
):
    with contextlib.ExitStack() as stack:
        large = pushed.slug / "staticfiles/large"
        large.write_bytes(bytes(20_000_000))
        stack.callback(large.unlink)
        dyno = stack.enter_context(pushed.dyno(WEB_CONCURRENCY="1"))
        for _ in range(count):
            client = socket.create_connection(("127.0.0.1", dyno.port))
            stack.enter_context(client).sendall(sent)
            if seconds == 13:  # as the router does, once the dyno has closed
                threading.Thread(target=close_after_the_end, args=[client]).start()
        time.sleep(0.5)
        start = time.monotonic()
        assert talk(dyno, NEXT, seconds=30).startswith(b"HTTP/1.1 200")
        assert time.monotonic() - start < seconds
        assert "Traceback" not in dyno.log


def test_a_reset_connection_leaves_no_error(dyno):
    for sent in (request("GET / HTTP/1.1")[:20], request(POST, "Content-Length: 9")):
        client = socket.create_connection(("127.0.0.1", dyno.port))
        client.sendall(sent)
        time.sleep(0.1)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.close()
    assert statuses(dyno, b"") == [200]
    assert "status=5" not in dyno.log
    assert "level=error" not in dyno.log
