"""Where a request ends: no byte of a body is answered as a request of its own.

A server that stops reading within a body, but keeps the connection, takes the next
bytes for another request ("desync"). Behind a router that shares its connections to the
dyno among all clients, a visitor then gets the answer to somebody else's request.
"""

import contextlib
import http.client
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
PATHS = [
    "/up",
    STATIC_FILE,
    "/static/no-such-file",
    "/",
    "/no-such-page",
    "/admin",  # a redirect
    "/admin/login/",
    "/ready",
]
TARGETS = [*itertools.product(METHODS, PATHS)]

# With these Django reads the body of a log-in, as the form may be the site's own.
FORM = [wire.COOKIE, wire.REFERER, f"Content-Type: {wire.FORM}"]

SIZE = 2_000  # bytes of a body, as announced
LENGTH = f"Content-Length: {SIZE}"
TOO_LONG = f"Content-Length: {11 * 1024**2}"  # Django answers 413
CHUNKED = "Transfer-Encoding: chunked"

CLIENTS = 96  # at the same time


def request(path, *headers, method="GET", size=0):
    """Return a request as the router would pass it on, of at least `size` bytes."""
    line = f"{method} {path} HTTP/1.1"
    head = wire.request(line, *headers, "X-Filler: ").removesuffix(b"\r\n\r\n")
    return head.ljust(size - 4, b"a") + b"\r\n\r\n"


def marked(size):
    """Return the bytes of a request, for a body. The answer names the path."""
    return request("/admin/smuggled-0000", size=size)


# What a client does after the head of its request: it sends bytes, waits for the first
# bytes of the answer, or does nothing for so many seconds. NEXT is a request of its
# own, as long as the body has ended. 0000 stands for the number of the attempt.
ANSWER = "answer"
NEXT = request("/admin/next-0000", "Connection: close")
CHUNK = f"{SIZE:x}\r\n".encode()
LAST_CHUNK = b"\r\n0\r\n\r\n"
WAYS = {
    "with the head": (LENGTH, [marked(SIZE), NEXT]),
    "after the answer": (LENGTH, [ANSWER, marked(SIZE), NEXT]),
    "0.4 s after the answer": (LENGTH, [ANSWER, 0.4, marked(SIZE), NEXT]),
    "5.5 s after the answer": (LENGTH, [ANSWER, 5.5, marked(SIZE), NEXT]),
    "in part after the answer": (LENGTH, [500 * b"a", ANSWER, marked(1_500), NEXT]),
    "trickling": (LENGTH, [*(10 * [b"a", 0.1]), ANSWER, marked(SIZE - 10), NEXT]),
    "never": (LENGTH, []),
    "longer than allowed": (TOO_LONG, [ANSWER, marked(SIZE), NEXT]),
    "chunk with the head": (CHUNKED, [CHUNK, marked(SIZE), LAST_CHUNK, NEXT]),
    "chunk after the answer": (
        CHUNKED,
        [CHUNK, ANSWER, marked(SIZE), LAST_CHUNK, NEXT],
    ),
    "chunk 5.5 s later": (
        CHUNKED,
        [CHUNK, ANSWER, 5.5, marked(SIZE), LAST_CHUNK, NEXT],
    ),
}
NO_CHUNK = (CHUNKED, [ANSWER, marked(SIZE), NEXT])

# Through the router: by the time of its answer another client has the connection.
SLOW = request("/rehearsal/hang?seconds=0.3", size=SIZE)
ROUTED_WAYS = [
    (LENGTH, [ANSWER, SLOW, NEXT]),
    (LENGTH, [ANSWER, 0.4, SLOW, NEXT]),
    (LENGTH, [ANSWER, 5.5, SLOW, NEXT]),
    (CHUNKED, [CHUNK, ANSWER, SLOW, LAST_CHUNK, NEXT]),
]
ROUTED_PATHS = ["/up", STATIC_FILE, "/no-such-page"]
ROUTER = """
defaults
  mode http
  timeout connect 2s
  timeout client 10s
  timeout server 15s
frontend visitors
  bind 127.0.0.1:{port}
  http-request set-header X-Forwarded-Proto https
  default_backend dynos
backend dynos
  http-reuse always
  server dyno 127.0.0.1:{dyno_port}
"""


class Attempt:
    """A request that is made in one of these ways, and all that its client receives."""

    def __init__(self, number, target, way):
        self.number, self.target, self.way = number, target, way
        self.received = b""

    def make(self, port):
        """Make the request and read until the connection ends."""
        method, path = self.target
        header, steps = self.way
        lost = contextlib.suppress(ConnectionError, TimeoutError)
        with lost, socket.create_connection(("127.0.0.1", port), 60) as client:
            client.sendall(request(path, header, *FORM, method=method))
            for step in steps:
                if step == ANSWER:
                    self.received += client.recv(65536)
                elif isinstance(step, float):
                    time.sleep(step)
                else:
                    # From a closed connection, what came before can be read, too.
                    with contextlib.suppress(ConnectionError):
                        client.sendall(step.replace(b"0000", b"%04d" % self.number))
            while piece := client.recv(65536):
                self.received += piece
        return self

    def statuses(self):
        """Return the status of each answer."""
        return [int(s) for s in re.findall(rb"HTTP/1\.[01] (\d{3}) ", self.received)]

    def names(self):
        """Return the names in the paths that redirect to the log-in page."""
        redirect = rb"(?i)\nLocation: /admin/login/\?next=/admin/([\w-]+)"
        return [name.decode() for name in re.findall(redirect, self.received)]

    def is_sound(self):
        """Return whether the request has one answer, and NEXT at most one."""
        names = self.names()
        own = names in ([], [f"next-{self.number:04}"])
        return own and len(self.statuses()) == 1 + len(names)

    def __repr__(self):
        return f"{' '.join(self.target)}: {self.statuses()} {self.names()}"


@pytest.fixture(scope="module")
def dyno(rehearsed):
    """A web dyno without a database, with a page that is slow."""
    folder = rehearsed.slug / "staticfiles"
    (folder / STATIC_FILE.removeprefix("/static/")).write_text("body {}")
    with rehearsed.dyno() as dyno:
        yield dyno


@pytest.fixture(scope="module")
def attempts(dyno):
    """All targets in all ways, side by side, since most of them wait."""
    attempts = []
    for way, target in itertools.product(WAYS.values(), TARGETS):
        attempts.append(Attempt(len(attempts), target, way))
    with ThreadPoolExecutor(CLIENTS) as pool:
        return [*pool.map(lambda attempt: attempt.make(dyno.port), attempts)]


@pytest.mark.parametrize("name", WAYS)
def test_a_body_is_never_answered_as_a_request(attempts, name):
    found = [attempt for attempt in attempts if attempt.way == WAYS[name]]
    assert len(found) == len(TARGETS)
    assert [attempt for attempt in found if not attempt.is_sound()] == []


def test_a_body_without_a_chunk_ends_the_connection(dyno):
    """Where there has been an answer already, gunicorn's own refusal may follow it."""
    for number, target in enumerate(TARGETS):
        attempt = Attempt(number, target, NO_CHUNK).make(dyno.port)
        assert attempt.statuses()[1:] in ([], [400])
        assert attempt.names() == []


def test_a_request_inside_a_body_never_reaches_the_site(attempts, dyno):
    """The same request by itself does: the answer and the log name its path."""
    way = "Connection: close", []
    control = Attempt(0, ("GET", "/admin/control"), way).make(dyno.port)
    assert control.names() == ["control"]
    parts.wait_until(lambda: " path=/admin/control " in dyno.log)
    assert re.findall(r" path=/admin/(smuggled\S*)", dyno.log) == []


@pytest.fixture(scope="module")
def traffic(dyno):
    """What visitors and attackers get in 10 s from a router that shares connections.

    A visitor asks for a page whose answer names him, then for robots.txt.
    """
    visits = []
    attempts = []
    numbers = itertools.count()
    end = time.monotonic() + 10

    def attack(path, way, port):
        methods = itertools.cycle(METHODS)
        while time.monotonic() < end:
            attempt = Attempt(next(numbers), (next(methods), path), way)
            attempts.append(attempt.make(port))
            time.sleep(0.1)

    def visit(port):
        while time.monotonic() < end:
            path = f"/admin/visitor-{next(numbers)}"
            client = heroku.Client(port, visitor=True)
            with contextlib.closing(client.connection):
                try:
                    own = client.get(path)
                    robots = client.get("/robots.txt")
                    got = own.status, own.headers["Location"], robots.text
                except (OSError, http.client.HTTPException) as error:
                    got = repr(error)
            visits.append((path, got))
            time.sleep(0.1)

    with (
        parts.HAProxy(ROUTER, dyno_port=dyno.port) as router,
        ThreadPoolExecutor(CLIENTS) as pool,
    ):
        loops = [pool.submit(visit, router.port) for _ in range(6)]
        for path, way in itertools.product(ROUTED_PATHS, ROUTED_WAYS):
            loops.append(pool.submit(attack, path, way, router.port))
        for loop in loops:
            loop.result()
    return visits, attempts


def test_each_visitor_gets_the_answers_to_his_own_requests(traffic):
    visits, _ = traffic
    robots = "User-agent: *\nDisallow: /admin/\n"
    for path, got in visits:
        assert got == (302, f"/admin/login/?next={path}", robots)
    assert len(visits) > 100


def test_an_attacker_gets_one_answer_to_each_request(traffic, dyno):
    _, attempts = traffic
    assert [attempt for attempt in attempts if not attempt.is_sound()] == []
    assert len(attempts) > 100
    assert " path=/rehearsal/hang " not in dyno.log
