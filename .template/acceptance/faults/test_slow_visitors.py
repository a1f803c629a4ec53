"""Visitors who send slowly."""

import contextlib
import socket
import threading

import heroku
import pytest
from parts import wait_until

HEAD = f"""POST /admin/login/ HTTP/1.1
Host: {heroku.HOST}
X-Forwarded-Proto: https
Referer: https://{heroku.HOST}/
Cookie: __Host-csrftoken={32 * "a"}
Content-Type: multipart/form-data; boundary=x
Content-Length: """


def trickle(port, length, statuses):
    """Send a byte each second, ten in all, and go; note the answer's status."""
    head = f"{HEAD}{length}\n\n".replace("\n", "\r\n")
    answer = b""
    with socket.create_connection(("127.0.0.1", port), 1) as client:
        client.sendall(head.encode())
        for _ in range(10):
            client.sendall(b"-")
            with contextlib.suppress(TimeoutError):
                answer += client.recv(4096)
        client.shutdown(socket.SHUT_WR)
        client.settimeout(5)
        answer += client.recv(4096)
    statuses.append(int(answer[9:12]))


@pytest.mark.parametrize("length", [20, 9_000_000])
def test_bodies_that_trickle_leave_all_others_alone(formation, fault, length):
    statuses = []
    with fault(f"6 bodies of {length} bytes trickle into each dyno"):
        for dyno in formation.web * 6:
            arguments = (dyno.port, length, statuses)
            threading.Thread(target=trickle, args=arguments).start()
        wait_until(lambda: len(statuses) == 6 * len(formation.web), 30)
    assert {*statuses} == {400}  # half a form is never taken for a whole one
