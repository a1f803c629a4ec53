"""A grown site under traffic, and what of each fault its visitors may see.

A page that needs no database goes on. One that does says that it cannot, and when to
come back: within a second if the database refuses connections, after the pool's ten if
it does not answer. Nothing that was acknowledged is lost.
"""

from contextlib import contextmanager

import pytest
from formation import Formation
from parts import wait_until
from traffic import OF_THE_DATABASE, REFUSED, Traffic


@pytest.fixture(scope="package")
def formation(tmp_path_factory, source, secret_key):
    folder = tmp_path_factory.mktemp("faults")
    with Formation(folder, source, secret_key) as formation:
        yield formation


@pytest.fixture(scope="package")
def traffic(formation):
    with Traffic(formation) as traffic:
        wait_until(lambda: len(traffic.answers) > 100)  # each thread's first is slow
        yield traffic


@pytest.fixture
def fault(traffic):
    """Watch a fault, print its row of faults.md, and hold it to its bounds.

    `failed` is how many requests may get neither their answer nor, where they need the
    database, a 503 with Retry-After; `slowest` and `recovered` are seconds. A dyno that
    starts takes much of a small machine, so there it is more. Where the database
    `hangs`, its pages may take so many seconds for an answer, and REFUSED for a 503.
    """

    @contextmanager
    def watch(name, *, failed=0, slowest=1.0, recovered=2.0, hangs=None):
        with traffic.watch() as seen:
            yield seen
        print(
            f"| {name} | {len(seen.answers)} | {len(seen.unavailable)} |"
            f" {len(seen.failed)} | {seen.slowest:.2f} s | {seen.recovery:.1f} s |"
        )
        assert len(seen.answers) > 20
        assert len(seen.failed) <= failed, seen.failed
        others = [a for a in seen.answers if a.kind not in OF_THE_DATABASE]
        assert len(others) > 10
        assert max(a.seconds for a in others) <= slowest
        # A pool tries for half a second to connect.
        longest = hangs or max(1.5, slowest)
        assert seen.slowest <= longest
        patience = REFUSED if hangs else longest
        assert all(a.seconds < patience for a in seen.unavailable)
        assert seen.recovery <= recovered
        assert not traffic.lost()

    return watch
