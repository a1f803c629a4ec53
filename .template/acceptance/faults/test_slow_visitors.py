"""Views that hang, and visitors who send slowly."""

import contextlib
import socket
import ssl
import threading
import time

import heroku
import pytest
from parts import wait_until

from .visitors import Probe, flood


def test_views_that_hang_leave_all_others_alone(formation, traffic, fault):
    name = "Views that hang on 12 threads of each dyno for 15 s"
    with fault(name), Probe(formation, traffic.style):
        answers = flood(formation, "/rehearsal/hang?seconds=15")
        wait_until(lambda: len(answers) == 12 * len(formation.web))
    assert {status for status, _, _ in answers} == {200}
    assert max(took for _, took, _ in answers) < 17


@pytest.mark.parametrize("length", [20, 9_000_000])
def test_bodies_that_trickle_leave_all_others_alone(formation, traffic, fault, length):
    head = "\r\n".join(
        [
            "POST /admin/login/ HTTP/1.1",
            f"Host: {heroku.HOST}",
            "X-Forwarded-Proto: https",
            f"Referer: https://{heroku.HOST}/",
            f"Cookie: __Host-csrftoken={32 * 'a'}",
            "Content-Type: multipart/form-data; boundary=x",
            f"Content-Length: {length}\r\n\r\n",
        ]
    )
    ended = []

    def trickle(port):
        """Send a byte each second, ten in all, and go; note the answer's status."""
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
        ended.append(int(answer[9:12]))

    name = f"6 bodies of {length} bytes trickle into each dyno"
    with fault(name), Probe(formation, traffic.style):
        for dyno in formation.web * 6:
            threading.Thread(target=trickle, args=(dyno.port,)).start()
        wait_until(lambda: len(ended) == 6 * len(formation.web), 30)
    assert {*ended} == {400}  # half a form is never taken for a whole one


def test_clients_that_trickle_through_the_router_hold_up_nobody(formation, fault):
    context = ssl.create_default_context(cafile=formation.router.certificate)
    head = (
        f"POST /rehearsal/write?name=trickled HTTP/1.1\r\nHost: {heroku.HOST}\r\n"
        "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 900\r\n\r\n"
    )
    with fault("4 clients trickle their requests for 5 s"):
        clients = []
        for _ in range(4):
            plain = socket.create_connection(("127.0.0.1", formation.router.tls_port))
            client = context.wrap_socket(plain, server_hostname="127.0.0.1")
            client.sendall(head.encode())
            clients.append(client)
        for _ in range(50):
            for client in clients:
                client.sendall(b"x")
            time.sleep(0.1)
        for client in clients:
            client.close()


def test_nothing_that_was_acknowledged_is_lost(traffic):
    assert len(traffic.written) > 100
    assert not traffic.lost()
