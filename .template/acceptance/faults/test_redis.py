"""Redis stops, hangs, or shows another certificate."""

import time

import pytest
from parts import certificate, wait_until


def stop(redis):
    redis.stop()
    time.sleep(5)
    redis.start()


def hang(redis):
    redis.pause()
    time.sleep(5)
    redis.resume()


def change_certificate(redis):
    certificate(redis.folder)
    redis.restart()


# While it hangs, a page with three reads and writes waits half a second for each, or a
# second.
@pytest.mark.parametrize(
    "name, happens, slowest",
    [
        ("stopped for 5 s", stop, 1),
        ("hung for 5 s", hang, 3),
        ("with another certificate", change_certificate, 1),
    ],
)
def test_redis_is_away(formation, fault, name, happens, slowest):
    with fault(f"Redis {name}", slowest=slowest) as seen:
        happens(formation.redis)
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
