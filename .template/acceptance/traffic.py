"""The traffic of a site's visitors, and what they may see while something happens."""

import http.client
import itertools
import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass

# What is asked for in turn: half of it needs the database.
REQUESTS = (
    ("page", "GET", "/"),
    ("up", "GET", "/up"),
    ("data", "GET", "/rehearsal/data"),
    ("static", "GET", "/static/site.css"),
    ("cached", "GET", "/rehearsal/cached?key=traffic"),
    ("read", "GET", "/rehearsal/data"),
    ("write", "POST", "/rehearsal/write?name="),
)
OF_THE_DATABASE = ("data", "read", "write")

# How long a page may wait for a connection, in seconds: pools.POOL has ten.
REFUSED = 11.5


@dataclass
class Answer:
    """What one request got; its status is 0 if that was no answer."""

    kind: str
    status: int
    retry_after: str | None
    seconds: float
    ended: float

    @property
    def is_good(self):
        return self.status in (200, 201)

    @property
    def is_unavailable(self):
        """Say whether a page that needs the database said that there is none."""
        is_told = self.status == 503 and self.retry_after
        return bool(is_told and self.kind in OF_THE_DATABASE)


class Traffic:
    """What visitors see, each of whom asks for a page ten times a second."""

    def __init__(self, formation):
        self.formation = formation
        self.answers = []
        self.written = []
        self.is_over = threading.Event()
        self.started = self.restored_at = time.monotonic()

    def visit(self, number):
        """Ask for one page after another, on a connection that is kept."""
        visitor = self.formation.visitor()
        first = number % len(REQUESTS)
        requests = itertools.cycle(REQUESTS[first:] + REQUESTS[:first])
        while not self.is_over.wait(0.1):
            kind, method, path = next(requests)
            name = f"written-{uuid.uuid4()}"
            if kind == "write":
                path += name
            started = time.monotonic()
            try:
                answer = visitor.request(method, path)
                status, retry_after = answer.status, answer.headers["Retry-After"]
            except (OSError, http.client.HTTPException):
                status, retry_after = 0, None
                visitor.connection.close()
            if status == 201:
                self.written.append(name)
            ended = time.monotonic()
            seconds = ended - started
            self.answers.append(Answer(kind, status, retry_after, seconds, ended))

    def restored(self):
        """Say that the part is back: the time to recover begins here."""
        self.restored_at = time.monotonic()

    @property
    def unavailable(self):
        return [answer for answer in self.answers if answer.is_unavailable]

    @property
    def failed(self):
        return [a for a in self.answers if not (a.is_good or a.is_unavailable)]


@contextmanager
def watch(
    formation, name, *, visitors=4, failed=0, slowest=1.0, recovered=2.0, hangs=None
):
    """Hold traffic to bounds while a block runs, and print its row of faults.md.

    A page that needs no database goes on. One that does says that it cannot, and when
    to come back: within a second if the database refuses connections, after the pool's
    ten if it does not answer. Nothing that was acknowledged is lost.

    `failed` is how many requests may get neither their answer nor, where they need the
    database, a 503 with Retry-After; `slowest` and `recovered` are seconds, and with
    `recovered=0` each answer is good. A dyno that starts takes much of a small machine,
    so there `slowest` is more. Where the database `hangs`, its pages may take so many
    seconds for an answer, and REFUSED for a 503.
    """
    seen = Traffic(formation)
    with ThreadPoolExecutor(visitors) as threads:
        visits = threads.map(seen.visit, range(visitors))
        try:
            yield seen
            time.sleep(1)
        finally:
            seen.is_over.set()
    list(visits)  # raises what ended one of them
    longest = max(answer.seconds for answer in seen.answers)
    bad = [a.ended - seen.restored_at for a in seen.answers if not a.is_good]
    recovery = max([0.0, *bad])
    print(
        f"| {name} | {len(seen.answers)} | {len(seen.unavailable)} |"
        f" {len(seen.failed)} | {longest:.2f} s | {recovery:.1f} s |"
    )
    assert len(seen.answers) > 20
    assert len(seen.failed) <= failed, seen.failed
    others = [a.seconds for a in seen.answers if a.kind not in OF_THE_DATABASE]
    assert len(others) > 10
    assert max(others) <= slowest
    # A pool tries for half a second to connect.
    assert longest <= (hangs or max(1.5, slowest))
    assert all(answer.seconds < REFUSED for answer in seen.unavailable)
    assert recovery <= recovered
    assert not {*seen.written} - {*formation.sql("SELECT name FROM auth_group")}
