"""Visitors who ask for much at once, and those who must notice nothing of it."""

import contextlib
import threading
import time

import heroku
from parts import wait_until

# How long a page may wait for a connection, in seconds: pools.POOL has ten.
REFUSED = 11.5


def start(formation, path, count):
    """Send requests at once; return the list that their statuses come into."""
    statuses = []

    def ask():
        statuses.append(formation.get(path).status)

    for _ in range(count):
        threading.Thread(target=ask).start()
    return statuses


class Probe:
    """Asks each dyno for /up, a stylesheet and a page, a few times a second.

    Each must come in less than a second, whatever else hangs.
    """

    def __init__(self, formation, style):
        self.over, self.answers = threading.Event(), []
        self.threads = [
            threading.Thread(target=self.run, args=(dyno.port, path))
            for dyno in formation.web
            for path in ("/up", style, "/")
        ]

    def run(self, port, path):
        while not self.over.wait(0.25):
            begun, status = time.monotonic(), 0
            with contextlib.suppress(OSError):
                status = heroku.Client(port).get(path).status
            self.answers.append((time.monotonic() - begun, status, path))

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, kind, *_):
        self.over.set()
        for thread in self.threads:
            thread.join()
        if kind is None:
            assert max(self.answers)[0] < 1, max(self.answers)
            assert {status for _, status, _ in self.answers} == {200}
            assert len(self.answers) > 100


def flood(formation, path, count=12):
    """Ask each dyno for so many pages at once; return a list for their answers."""
    answers = []

    def ask(port):
        begun = time.monotonic()
        answer = heroku.Client(port).get(path)
        answers.append((answer.status, time.monotonic() - begun, answer.headers))

    for dyno in formation.web * count:
        threading.Thread(target=ask, args=(dyno.port,)).start()
    return answers


def bounded(formation, answers, seconds):
    """Assert that each page of a flood was answered, or refused after its patience."""
    wait_until(lambda: len(answers) == 12 * len(formation.web))
    assert {status for status, _, _ in answers} <= {200, 503}
    assert max(took for _, took, _ in answers) < seconds
    for status, took, headers in answers:
        if status == 503:
            assert took < REFUSED
            assert headers["Retry-After"] and headers["Content-Security-Policy"]
