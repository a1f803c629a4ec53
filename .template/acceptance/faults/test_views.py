"""Views that hang, and a database that hangs, while others ask for quick pages."""

import contextlib
import threading
import time

import heroku
from parts import wait_until
from traffic import REFUSED

FLOOD = 12  # pages at once, of each dyno


class Probe:
    """Asks each dyno for /up, a stylesheet and a page, a few times a second.

    Each must come in less than a second, whatever else hangs.
    """

    def __init__(self, formation, style):
        self.over = threading.Event()
        self.answers = []
        self.threads = [
            threading.Thread(target=self.run, args=(dyno.port, path))
            for dyno in formation.web
            for path in ("/up", style, "/")
        ]

    def run(self, port, path):
        while not self.over.wait(0.25):
            begun = time.monotonic()
            status = 0
            with contextlib.suppress(OSError):
                status = heroku.Client(port).get(path).status
            self.answers.append((time.monotonic() - begun, status, path))

    def __enter__(self):
        for thread in self.threads:
            thread.start()

    def __exit__(self, kind, *_):
        self.over.set()
        for thread in self.threads:
            thread.join()
        if kind is None:
            assert max(self.answers)[0] < 1, max(self.answers)
            assert {status for _, status, _ in self.answers} == {200}
            assert len(self.answers) > 100


def flood(formation, path):
    """Ask each dyno for so many pages at once; return a list for their answers."""
    answers = []

    def ask(port):
        begun = time.monotonic()
        answer = heroku.Client(port).get(path)
        answers.append((answer.status, time.monotonic() - begun, answer.headers))

    for dyno in formation.web * FLOOD:
        threading.Thread(target=ask, args=(dyno.port,)).start()
    return answers


def test_views_that_hang_leave_all_others_alone(formation, traffic, fault):
    name = f"Views that hang on {FLOOD} threads of each dyno for 15 s"
    with fault(name), Probe(formation, traffic.style):
        answers = flood(formation, "/rehearsal/hang?seconds=15")
        wait_until(lambda: len(answers) == FLOOD * len(formation.web))
    assert {status for status, _, _ in answers} == {200}
    assert max(took for _, took, _ in answers) < 17


def test_postgresql_is_frozen(formation, traffic, fault):
    with fault("PostgreSQL frozen for 15 s", recovered=3, hangs=17) as seen:
        with Probe(formation, traffic.style):
            formation.postgres.pause()
            try:
                answers = flood(formation, "/rehearsal/data")
                time.sleep(15)
            finally:
                formation.postgres.resume()
            seen.restored()
        wait_until(lambda: len(answers) == FLOOD * len(formation.web))
        time.sleep(4)
    assert {status for status, _, _ in answers} <= {200, 503}
    assert max(took for _, took, _ in answers) < 17
    for status, took, headers in answers:
        if status == 503:
            assert took < REFUSED
            assert headers["Retry-After"] and headers["Content-Security-Policy"]
    assert formation.json("/ready")["database"] == "ok"
