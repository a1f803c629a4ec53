"""Redis stops, hangs, or shows another certificate."""

import time

from parts import certificate, wait_until


def test_redis_is_stopped(formation, fault):
    with fault("Redis stopped for 5 s") as seen:
        formation.redis.stop()
        time.sleep(5)
        formation.redis.start()
        seen.restored()
        time.sleep(3)
    wait_until(lambda: formation.json("/ready")["cache"] == "ok")


def test_redis_hangs(formation, fault):
    with fault("Redis hung for 5 s", slowest=3) as seen:
        formation.redis.pause()
        time.sleep(5)
        formation.redis.resume()
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
