"""The traffic of a site's visitors, and what they see while something happens."""

import http.client
import threading
import time
import uuid
from contextlib import contextmanager

import heroku
from parts import wait_until

# What is asked for in turn, and how: half of it needs the database.
REQUESTS = {
    "page": ("GET", "/"),
    "up": ("GET", "/up"),
    "data": ("GET", "/rehearsal/data"),
    "static": ("GET", None),
    "cached": ("GET", "/rehearsal/cached?key=traffic"),
    "read": ("GET", "/rehearsal/data"),
    "write": ("POST", "/rehearsal/write?name="),
}
OF_THE_DATABASE = ("data", "read", "write")

# How long a page may wait for a connection, in seconds: pools.POOL has ten.
REFUSED = 11.5


class Traffic:
    """Steady requests through the router, 40 a second, on connections that are kept."""

    def __init__(self, formation, threads=4, every=0.1):
        self.formation = formation
        self.every = every
        self.answers = []
        self.written = []
        self.begun = [0.0] * threads
        self.stopped = threading.Event()
        home = formation.get("/").text
        self.style = home[home.index("/static/") :].partition('"')[0]
        self.threads = [
            threading.Thread(target=self.run, args=(n,)) for n in range(threads)
        ]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stopped.set()
        for thread in self.threads:
            thread.join()

    def run(self, number):
        connection = self.formation.connection()
        turn = number
        while not self.stopped.wait(self.every):
            turn += 1
            kind, (method, path) = list(REQUESTS.items())[turn % len(REQUESTS)]
            name = f"written-{uuid.uuid4()}"
            if kind == "static":
                path = self.style
            if kind == "write":
                path += name
            started = self.begun[number] = time.monotonic()
            try:
                connection.request(method, path, headers={"Host": heroku.HOST})
                response = connection.getresponse()
                response.read()
                status = response.status
                retry_after = response.headers["Retry-After"]
            except (OSError, http.client.HTTPException):
                status = 0
                retry_after = None
                connection.close()
            if status == 201:
                self.written.append(name)
            answer = Answer(kind, started, time.monotonic(), status, retry_after)
            self.answers.append(answer)
        connection.close()

    @contextmanager
    def watch(self):
        """Yield what visitors see in this block; complete once the block has ended."""
        seen = Seen(time.monotonic())
        yield seen
        ended = time.monotonic()
        wait_until(lambda: min(self.begun) > ended)  # what was under way is answered
        seen.answers = [a for a in self.answers if seen.started < a.started < ended]

    def lost(self):
        """Return what was acknowledged and is not there."""
        return set(self.written) - set(
            self.formation.sql("SELECT name FROM auth_group")
        )


class Answer:
    """What one request got."""

    def __init__(self, kind, started, ended, status, retry_after):
        self.kind, self.started, self.ended = kind, started, ended
        self.status, self.seconds = status, ended - started
        self.good = status in (200, 201)
        # What a page that needs the database says without it.
        self.unavailable = bool(
            status == 503 and retry_after and kind in OF_THE_DATABASE
        )

    def __repr__(self):
        return f"{self.kind}: {self.status} after {self.seconds:.2f} s"


class Seen:
    """What visitors saw while something happened."""

    def __init__(self, started):
        self.started = self.restored_at = started
        self.answers = []

    def restored(self):
        """Say that the part is back: the time to recover begins here."""
        self.restored_at = time.monotonic()

    @property
    def unavailable(self):
        return [answer for answer in self.answers if answer.unavailable]

    @property
    def failed(self):
        return [a for a in self.answers if not (a.good or a.unavailable)]

    @property
    def slowest(self):
        return max(answer.seconds for answer in self.answers)

    @property
    def recovery(self):
        """Seconds from the part's return to the last answer that was not good."""
        bad = [a.ended - self.restored_at for a in self.answers if not a.good]
        return max([0.0, *bad])
