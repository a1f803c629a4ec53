"""Where a request ends: no byte of a body is answered as a request of its own.

A server that stops reading within a body, but keeps the connection, takes the next
bytes for another request ("desync"). Behind a router that shares its connections to the
dyno among all clients, a visitor then gets the answer to somebody else's request.
"""

import contextlib
import itertools
import re
import socket
import time
from concurrent.futures import ThreadPoolExecutor

import heroku
import parts
import pytest
import wire

METHODS = ["GET", "POST", "PUT", "HEAD"]
STATIC_FILE = "/static/boundaries.0123456789ab.css"
PATHS = ["/up", STATIC_FILE, "/static/no-such-file", "/", "/admin/login/", "/ready"]

# With these Django reads the body of a log-in, as the form may be the site's own.
FORM = [wire.COOKIE, wire.REFERER, f"Content-Type: {wire.FORM}"]

# A body is a request itself, whose answer takes a while: through the router, another
# client has the connection by then.
BODY = wire.request(
    "GET /rehearsal/hang?seconds=0.3 HTTP/1.1", f"X-Filler: {1_900 * 'a'}"
)
IN_LOG = " path=/rehearsal/hang "

LENGTH = f"Content-Length: {len(BODY)}"
LONGER = f"Content-Length: {500 + len(BODY)}"
TOO_LONG = f"Content-Length: {11 * 1024**2}"  # Django answers 413
CHUNKED = "Transfer-Encoding: chunked"
CHUNK = f"{len(BODY):x}\r\n".encode()
END = b"\r\n0\r\n\r\n"

# What a client does after the head of its request: it sends bytes, waits for the first
# bytes of the answer, or does nothing for so many seconds. gunicorn closes the
# connection five seconds after its answer. A body that comes LATE finds it closed, on a
# slow machine as well; one that comes at that very moment costs whoever has the
# connection next a 502.
ANSWER = "answer"
LATE = 8.0
WAYS = {
    "with the head": (LENGTH, [BODY]),
    "after the answer": (LENGTH, [ANSWER, BODY]),
    "late after the answer": (LENGTH, [ANSWER, LATE, BODY]),
    "in part after the answer": (LONGER, [500 * b"a", ANSWER, BODY]),
    "longer than allowed": (TOO_LONG, [ANSWER, BODY]),
    "chunk with the head": (CHUNKED, [CHUNK, BODY, END]),
    "chunk after the answer": (CHUNKED, [CHUNK, ANSWER, BODY, END]),
    "chunk late after the answer": (CHUNKED, [CHUNK, ANSWER, LATE, BODY, END]),
    "without a chunk": (CHUNKED, [ANSWER, BODY]),
}
ROUTED_WAYS = ["after the answer", "late after the answer", "chunk after the answer"]
ROUTED_PATHS = ["/up", STATIC_FILE, "/no-such-page"]
ROUTER = parts.ROUTER.replace("Proto http unless", "Proto https unless")


class Attempt:
    """A request that was made in one of these ways, and all that its client got.

    Another request always follows, whose answer names its path.
    """

    def __init__(self, port, number, method, path, way):
        self.made = f"{method} {path} {way}"
        self.way = way
        self.next = f"next-{number}"
        header, steps = WAYS[way]
        head = wire.request(f"{method} {path} HTTP/1.1", header, *FORM)
        last = wire.request(f"GET /admin/{self.next} HTTP/1.1", "Connection: close")
        received = b""
        lost = contextlib.suppress(ConnectionError, TimeoutError)
        with lost, socket.create_connection(("127.0.0.1", port), 60) as client:
            client.sendall(head)
            for step in [*steps, last]:
                if step == ANSWER:
                    received += client.recv(65536)
                elif step == LATE:
                    time.sleep(LATE)
                else:
                    # From a closed connection, what came before can be read, too.
                    with contextlib.suppress(ConnectionError):
                        client.sendall(step)
            while piece := client.recv(65536):
                received += piece
        # The status of each answer, and the names in those that redirect to the log-in.
        text = received.decode("latin-1")
        self.statuses = re.findall(r"HTTP/1\.[01] (\d{3}) ", text)
        redirect = r"(?i)\nLocation: /admin/login/\?next=/admin/([\w-]+)"
        self.names = re.findall(redirect, text)

    def is_sound(self):
        """Return whether the request has one answer, and the next one at most one.

        After that, gunicorn may refuse a body that has no chunk.
        """
        later = self.statuses[1:]
        if self.way == "without a chunk" and later == ["400"]:
            return True
        return self.names in ([], [self.next]) and len(later) == len(self.names)

    def __repr__(self):
        return f"{self.made}: {self.statuses} {self.names}"


@pytest.fixture
def dyno(rehearsed):
    """A web dyno without a database, with a page that is slow."""
    folder = rehearsed.slug / "staticfiles"
    (folder / STATIC_FILE.removeprefix("/static/")).write_text("body {}")
    with rehearsed.dyno() as dyno:
        yield dyno


def test_a_body_is_never_answered_as_a_request(dyno):
    """All at once, since most of the clients wait."""
    with ThreadPoolExecutor(96) as pool:
        made = []
        for target in itertools.product(METHODS, PATHS, WAYS):
            made.append(pool.submit(Attempt, dyno.port, len(made), *target))
    attempts = [attempt.result() for attempt in made]
    assert [attempt for attempt in attempts if not attempt.is_sound()] == []
    # By itself the body is answered, and it is in the log this once.
    assert wire.statuses(dyno, BODY) == [200, 200]
    parts.wait_until(lambda: IN_LOG in dyno.log)
    assert dyno.log.count(IN_LOG) == 1


def test_behind_a_router_that_shares_connections_nobody_gets_anothers_answer(dyno):
    """Six visitors ask for pages whose answers name them, while nine clients attack."""
    visits = {}
    attempts = []
    numbers = itertools.count()
    end = time.monotonic() + 10

    def attack(port, path, way):
        methods = itertools.cycle(METHODS)
        while time.monotonic() < end:
            attempts.append(Attempt(port, next(numbers), next(methods), path, way))
            time.sleep(0.1)

    def keep_visiting(port):
        while time.monotonic() < end:
            client = heroku.Client(port, visitor=True)
            path = f"/admin/visitor-{next(numbers)}"
            page = client.get(path)
            robots = client.get("/robots.txt")
            visits[path] = page.status, page.headers["Location"], robots.text
            time.sleep(0.1)

    with parts.HAProxy(ROUTER) as router, ThreadPoolExecutor(15) as pool:
        router.route([dyno.port])
        loops = [pool.submit(keep_visiting, router.port) for _ in range(6)]
        for path, way in itertools.product(ROUTED_PATHS, ROUTED_WAYS):
            loops.append(pool.submit(attack, router.port, path, way))
        for loop in loops:
            loop.result()
    robots = "User-agent: *\nDisallow: /admin/\n"
    for path, got in visits.items():
        assert got == (302, f"/admin/login/?next={path}", robots)
    assert [attempt for attempt in attempts if not attempt.is_sound()] == []
    assert min(len(visits), len(attempts)) > 50
    assert IN_LOG not in dyno.log
