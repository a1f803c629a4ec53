"""One thread of a process stays free, whatever the others are stuck in."""

import sys
import threading
import time

import pytest

from dyno import bulkhead as module
from dyno.bulkhead import Bulkhead, Closing


@pytest.fixture
def stuck_after(monkeypatch):
    """Return a function that sets after how many seconds a request is stuck."""
    return lambda seconds: monkeypatch.setattr(module, "STUCK_SECONDS", seconds)


@pytest.fixture
def bulkhead():
    """A bulkhead with a place for one request."""
    bulkhead = Bulkhead()
    bulkhead.places = 1
    return bulkhead


def test_there_is_no_limit_before_a_worker_knows_its_threads():
    bulkhead = Bulkhead()
    assert all(bulkhead.enter() for _ in range(100))


def test_a_request_waits_for_a_place(bulkhead):
    token = bulkhead.enter()
    started = time.monotonic()
    threading.Timer(0.2, bulkhead.leave, [token]).start()
    assert bulkhead.enter()
    assert time.monotonic() - started >= 0.2


def test_a_request_is_refused_once_every_place_is_stuck(bulkhead, stuck_after):
    stuck_after(0.2)
    assert bulkhead.enter()
    assert bulkhead.enter() is None


def test_no_place_is_stuck_while_another_changes_hands(bulkhead, stuck_after):
    bulkhead.places = 2
    stuck_after(0.5)
    assert bulkhead.enter()  # never leaves
    for _ in range(4):
        token = bulkhead.enter()
        assert token
        threading.Timer(0.2, bulkhead.leave, [token]).start()


def test_after_a_refusal_no_request_waits(bulkhead, stuck_after):
    stuck_after(0.1)
    assert bulkhead.enter()
    assert bulkhead.enter() is None
    stuck_after(30)
    started = time.monotonic()
    assert bulkhead.enter() is None
    assert time.monotonic() - started < 15


@pytest.mark.parametrize("failed", [False, True])
def test_a_quick_answer_lets_requests_wait_again(bulkhead, stuck_after, failed):
    stuck_after(0.1)
    token = bulkhead.enter()
    assert bulkhead.enter() is None
    stuck_after(30)
    bulkhead.leave(token, failed=failed)
    token = bulkhead.enter()
    threading.Timer(0.1, bulkhead.leave, [token]).start()
    assert bulkhead.enter()


def test_a_slow_answer_does_not_let_requests_wait_again(bulkhead, stuck_after):
    stuck_after(0.1)
    token = bulkhead.enter()
    assert bulkhead.enter() is None
    time.sleep(0.1)
    bulkhead.leave(token)
    assert bulkhead.enter(), "the place is free again"
    stuck_after(30)
    started = time.monotonic()
    assert bulkhead.enter() is None
    assert time.monotonic() - started < 15


def test_while_requests_time_out_the_answers_of_others_count_for_nothing(
    bulkhead, stuck_after, monkeypatch
):
    monkeypatch.setattr(module, "TIME_OUT_SECONDS", 0.1)
    bulkhead.places = 2
    stuck_after(0.6)
    begun = time.monotonic()
    for _ in range(3):
        slow = bulkhead.enter()
        time.sleep(0.15)
        bulkhead.leave(bulkhead.enter())
        bulkhead.leave(slow, failed=True)
    assert bulkhead.enter() and bulkhead.enter()
    assert bulkhead.enter() is None
    assert time.monotonic() - begun < 0.9


class Body:
    closed = False

    def __iter__(self):
        yield b"a"

    def close(self):
        self.closed = True


class BrokenBody(Body):
    def close(self):
        raise OSError


def test_closing_a_response_closes_its_body_and_calls_the_function():
    body, called = Body(), []
    closing = Closing(body, lambda: called.append(1))
    assert [*closing] == [b"a"] and not called
    closing.close()
    assert called and body.closed
    Closing([b"a"], lambda: called.append(2)).close()
    with pytest.raises(OSError):
        Closing(BrokenBody(), lambda: called.append(3)).close()
    assert called == [1, 2, 3]


@pytest.mark.parametrize("error", [SystemExit, KeyboardInterrupt, GeneratorExit])
@pytest.mark.parametrize("sent", [0, 1])
def test_a_stream_that_would_end_the_process_ends_the_response_only(error, sent):
    def stream():
        yield from sent * [b"a"]
        raise error

    closing = Closing(stream(), lambda: None)
    with pytest.raises(RuntimeError, match=error.__name__):
        list(closing)
    broken = BrokenBody()
    broken.close = lambda: sys.exit()
    called = []
    with pytest.raises(RuntimeError, match="SystemExit"):
        Closing(broken, lambda: called.append(1)).close()
    assert called
