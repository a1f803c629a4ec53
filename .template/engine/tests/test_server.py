"""The threads that answer requests, without the server around them."""

import logging
from types import SimpleNamespace

from mysite.server import DrainingWorker, Threads


def test_what_fails_outside_a_view_ends_its_connection_and_no_thread(caplog):
    def handle(conn):
        if conn != "sound":
            raise conn
        return True

    told = []
    worker = object.__new__(DrainingWorker)
    worker.handle, worker.log = handle, logging.getLogger(__name__)
    worker.method_queue = SimpleNamespace(defer=lambda *args: told.append(args[1:]))
    pool = Threads(1, worker.answer)
    for conn in (OSError("no space"), SystemExit("a mistake"), "sound"):
        pool.waiting.put(conn)
    pool.shutdown(wait=False)
    pool.threads[0].join(5)
    assert [outcome.result() for _, outcome in told] == [False, False, True]
    assert "no space" in caplog.text and "a mistake" in caplog.text
