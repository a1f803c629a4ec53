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
PATHS = ["/up", STATIC_FILE, "/static/no-such-file", "/", "/admin/login/", "/ready"]
TARGETS = [*itertools.product(METHODS, PATHS)]

# With these Django reads the body of a log-in, as the form may be the site's own.
FORM = [wire.COOKIE, wire.REFERER, f"Content-Type: {wire.FORM}"]

SIZE = 2_000  # bytes of a body, as announced
LENGTH = f"Content-Length: {SIZE}"
TOO_LONG = f"Content-Length: {11 * 1024**2}"  # Django answers 413
CHUNKED = "Transfer-Encoding: chunked"

CLIENTS = 96  # at the same time
LATE = 8.0  # seconds


def request(path, *headers, size=0):
    """Return a GET request as the router would pass it on, of at least `size` bytes."""
    head = wire.request(f"GET {path} HTTP/1.1", *headers, "X-Filler: ")
    return head.removesuffix(b"\r\n\r\n").ljust(size - 4, b"a") + b"\r\n\r\n"


# What a client does after the head of its request: it sends bytes, waits for the first
# bytes of the answer, or does nothing for so many seconds. BODY is a request itself,
# whose answer names its path, and so is NEXT, which follows once the body has ended.
# 0000 stands for the number of the attempt. gunicorn closes the connection five seconds
# after its answer. A body that comes LATE finds it closed, on a slow machine as well;
# one that comes at that very moment costs whoever has the connection next a 502.
ANSWER = "answer"
BODY = request("/admin/smuggled-0000", size=SIZE)
PART = request("/admin/smuggled-0000", size=SIZE - 500)
NEXT = request("/admin/next-0000", "Connection: close")
CHUNK = f"{SIZE:x}\r\n".encode()
REST = BODY + b"\r\n0\r\n\r\n"
WAYS = {
    "with the head": (LENGTH, [BODY, NEXT]),
    "after the answer": (LENGTH, [ANSWER, BODY, NEXT]),
    "late after the answer": (LENGTH, [ANSWER, LATE, BODY, NEXT]),
    "in part after the answer": (LENGTH, [500 * b"a", ANSWER, PART, NEXT]),
    "longer than allowed": (TOO_LONG, [ANSWER, BODY, NEXT]),
    "chunk with the head": (CHUNKED, [CHUNK, REST, NEXT]),
    "chunk after the answer": (CHUNKED, [CHUNK, ANSWER, REST, NEXT]),
    "chunk late after the answer": (CHUNKED, [CHUNK, ANSWER, LATE, REST, NEXT]),
}
NO_CHUNK = (CHUNKED, [ANSWER, BODY, NEXT])

# Through the router: by the time of its answer another client has the connection.
SLOW = request("/rehearsal/hang?seconds=0.3", size=SIZE)
ROUTED_WAYS = [
    (LENGTH, [ANSWER, SLOW, NEXT]),
    (LENGTH, [ANSWER, LATE, SLOW, NEXT]),
    (CHUNKED, [CHUNK, ANSWER, SLOW, b"\r\n0\r\n\r\n", NEXT]),
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
    """A request that was made in one of these ways, and all that its client got."""

    def __init__(self, port, number, target, way):
        self.number = number
        self.target = target
        self.way = way
        method, path = target
        header, steps = way
        head = wire.request(f"{method} {path} HTTP/1.1", header, *FORM)
        received = b""
        lost = contextlib.suppress(ConnectionError, TimeoutError)
        with lost, socket.create_connection(("127.0.0.1", port), 60) as client:
            client.sendall(head)
            for step in steps:
                if step == ANSWER:
                    received += client.recv(65536)
                elif isinstance(step, float):
                    time.sleep(step)
                else:
                    # From a closed connection, what came before can be read, too.
                    with contextlib.suppress(ConnectionError):
                        client.sendall(step.replace(b"0000", b"%04d" % number))
            while piece := client.recv(65536):
                received += piece
        # The status of each answer, and the names in those that redirect to the log-in.
        text = received.decode("latin-1")
        self.statuses = re.findall(r"HTTP/1\.[01] (\d{3}) ", text)
        redirect = r"(?i)\nLocation: /admin/login/\?next=/admin/([\w-]+)"
        self.names = re.findall(redirect, text)

    def is_sound(self):
        """Return whether the request has one answer, and NEXT at most one."""
        own = self.names in ([], [f"next-{self.number:04}"])
        return own and len(self.statuses) == 1 + len(self.names)

    def __repr__(self):
        return f"{' '.join(self.target)}: {self.statuses} {self.names}"


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
    with ThreadPoolExecutor(CLIENTS) as pool:
        made = []
        for way, target in itertools.product(WAYS.values(), TARGETS):
            made.append(pool.submit(Attempt, dyno.port, len(made), target, way))
    return [attempt.result() for attempt in made]


@pytest.mark.parametrize("name", WAYS)
def test_a_body_is_never_answered_as_a_request(attempts, name):
    found = [attempt for attempt in attempts if attempt.way == WAYS[name]]
    assert len(found) == len(TARGETS)
    assert [attempt for attempt in found if not attempt.is_sound()] == []


def test_a_body_without_a_chunk_ends_the_connection(dyno):
    """Where there has been an answer already, gunicorn's own refusal may follow it."""
    for number, target in enumerate(TARGETS):
        attempt = Attempt(dyno.port, number, target, NO_CHUNK)
        assert attempt.statuses[1:] in ([], ["400"])
        assert attempt.names == []


def test_a_request_inside_a_body_never_reaches_the_site(attempts, dyno):
    """The same request by itself does: the answer and the log name its path."""
    way = "Connection: close", []
    control = Attempt(dyno.port, 0, ("GET", "/admin/control"), way)
    assert control.names == ["control"]
    parts.wait_until(lambda: " path=/admin/control " in dyno.log)
    assert re.findall(r" path=/admin/(smuggled\S*)", dyno.log) == []


def visit(port, path):
    """Return what a visitor gets of a page, and then of robots.txt."""
    client = heroku.Client(port, visitor=True)
    with contextlib.closing(client.connection):
        try:
            page = client.get(path)
            robots = client.get("/robots.txt")
        except (OSError, http.client.HTTPException) as error:
            return repr(error)
    return page.status, page.headers["Location"], robots.text


def test_behind_a_router_that_shares_connections_nobody_gets_anothers_answer(dyno):
    """Six visitors ask for pages whose answers name them, while nine clients attack."""
    visits = {}
    attempts = []
    numbers = itertools.count()
    end = time.monotonic() + 10

    def attack(port, path, way):
        methods = itertools.cycle(METHODS)
        while time.monotonic() < end:
            target = next(methods), path
            attempts.append(Attempt(port, next(numbers), target, way))
            time.sleep(0.1)

    def keep_visiting(port):
        while time.monotonic() < end:
            path = f"/admin/visitor-{next(numbers)}"
            visits[path] = visit(port, path)
            time.sleep(0.1)

    with (
        parts.HAProxy(ROUTER, dyno_port=dyno.port) as router,
        ThreadPoolExecutor(CLIENTS) as pool,
    ):
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
    assert " path=/rehearsal/hang " not in dyno.log
