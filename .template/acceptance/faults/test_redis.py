"""Redis stops, hangs, or shows another certificate."""

import time

import pytest
from parts import certificate, wait_until


# While it hangs, a page with three reads and writes waits half a second for each, or a
# second.
@pytest.mark.parametrize(
    "name, begin, end, slowest",
    [
        ("Redis stopped for 5 s", "stop", "start", 1),
        ("Redis hung for 5 s", "pause", "resume", 3),
    ],
)
def test_redis_is_away(formation, fault, name, begin, end, slowest):
    with fault(name, slowest=slowest) as seen:
        getattr(formation.redis, begin)()
        time.sleep(5)
        getattr(formation.redis, end)()
        seen.restored()
        time.sleep(3)
    wait_until(lambda: formation.json("/ready")["cache"] == "ok")


def test_redis_comes_back_with_another_certificate(formation, fault):
    with fault("Redis with another certificate") as seen:
        certificate(formation.redis.folder)
        formation.redis.restart()
        seen.restored()
        time.sleep(3)
    wait_until(lambda: formation.json("/ready")["cache"] == "ok")


def test_a_wrong_certificate_of_redis_is_one_that_is_away(formation, fault):
    """Heroku's cannot be verified; another's is if its URL asks for it."""
    url = formation.redis.url + "?ssl_cert_reqs=required"
    with fault("Redis with a certificate that is not trusted", slowest=3):
        formation.restart_web(REDIS_URL=url)
        for _ in range(2):
            answer = formation.json("/rehearsal/cached?key=untrusted")
            assert answer["first"] == answer["dyno"]
        formation.restart_web()
    assert "CERTIFICATE_VERIFY_FAILED" in formation.logs()
