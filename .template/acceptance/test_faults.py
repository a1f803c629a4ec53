"""What visitors see while dynos, PostgreSQL and Redis fail in turn: faults.md."""

import os
import resource
import signal
import time

import pytest
from formation import CONNECTION_LIMIT
from parts import certificate, children, wait_until

# Dynos lose processes, hang, fill their disk or leak memory.


def test_a_web_worker_of_each_dyno_is_killed(formation, fault):
    # A POST that the worker was at may be done or not, so nobody may send it again.
    with fault("A web worker of each dyno killed with -9", failed=3) as seen:
        for dyno in formation.web:
            os.kill(children(dyno)[0], signal.SIGKILL)
            seen.restored()
            time.sleep(1)
    assert {answer.kind for answer in seen.failed} <= {"write"}


def test_a_dyno_is_stopped_in_the_middle_of_requests(formation, fault):
    with fault("A dyno stopped in the middle of requests", slowest=3):
        statuses = formation.ask_at_once("/rehearsal/hang?seconds=5", 6)
        time.sleep(1)
        formation.add_web(1)
        formation.remove_web(formation.web[:1])
        wait_until(lambda: len(statuses) == 6)
    assert statuses == [200] * 6


def upload(formation, size):
    """Upload a file of so many bytes and return the status."""
    part = 'Content-Disposition: form-data; name="file"; filename="file"'
    body = f"--end\r\n{part}\r\n\r\n{'x' * size}\r\n--end--\r\n"
    kind = "multipart/form-data; boundary=end"
    return formation.get("/rehearsal/upload", "POST", body, Content_Type=kind).status


def test_the_disk_is_full(formation, fault):
    """No file grows beyond a megabyte; Django puts an upload of 2.5 MB into one."""

    def limit_files(size):
        for dyno in formation.web:
            for pid in (dyno.process.pid, *children(dyno)):
                hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)[1]
                resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, hard))

    with fault("Disk full on every dyno"):
        limit_files(1_000_000)
        assert upload(formation, 100_000) == 200
        assert upload(formation, 3_000_000) == 500
        time.sleep(2)
        limit_files(resource.RLIM_INFINITY)
        assert upload(formation, 3_000_000) == 200


def test_memory_leaks(formation, fault):
    """Each worker is replaced after some 35 requests, whichever the kernel prefers."""
    arguments = "--access-logfile - --max-requests 30 --max-requests-jitter 10"
    formation.restart_web(GUNICORN_CMD_ARGS=arguments)

    def workers():
        return {pid for dyno in formation.web for pid in children(dyno)}

    def are_replaced():
        assert formation.get("/rehearsal/leak").status == 200
        return not before & workers()

    before = workers()

    with fault("Memory leaks, web workers replaced", slowest=3, recovered=0):
        wait_until(are_replaced, 60)
    formation.restart_web()


def test_a_task_whose_worker_was_killed_is_run_again(formation, fault):
    busy = formation.begin("killed", 4)
    try:
        with fault("A task worker killed with -9") as seen:
            busy.signal(signal.SIGKILL)
            wait_until(lambda: formation.recorded("killed end") == 1, 40)
            seconds = time.monotonic() - seen.started
    finally:
        formation.remove_workers([busy])
        formation.add_workers(1)
    print(f"… until its 4 s task had finished its second run: {seconds:.1f} s")
    assert seconds < 25
    assert formation.recorded("killed begin") == 2
    assert "lost its worker" in formation.logs()


def test_a_second_sigterm_does_not_end_a_task(formation):
    busy = formation.begin("stopped", 3)
    busy.signal(signal.SIGTERM)
    time.sleep(0.5)  # two at once may be one to the kernel
    assert busy.stop() < 10
    assert busy.process.returncode == 0
    assert formation.recorded("stopped begin") == formation.recorded("stopped end") == 1
    formation.remove_workers([busy])
    formation.add_workers(1)


# PostgreSQL restarts, stops, hangs, or refuses its clients.


def test_postgresql_is_restarted_during_queries(formation, fault):
    with fault("PostgreSQL restarted during queries") as seen:
        statuses = formation.ask_at_once("/rehearsal/query?seconds=10", 3)
        time.sleep(0.5)
        formation.postgres.restart()
        seen.restored()
        wait_until(lambda: len(statuses) == 3, 5)
        time.sleep(3)
    assert statuses == [503] * 3


def test_postgresql_is_stopped_during_a_task(formation, fault):
    """Its result could not be stored, so it is run again; no worker ends."""
    formation.begin("outage", 3)
    starts = formation.logs().count("Starting worker")
    with fault("PostgreSQL stopped for 10 s") as seen:
        formation.postgres.stop()
        time.sleep(10)
        formation.postgres.start()
        seen.restored()
        time.sleep(3)
    assert seen.unavailable
    wait_until(lambda: formation.recorded("outage end") == 1, 40)
    assert formation.recorded("outage begin") == 2
    # Each worker starts its queue anew once, or twice if it had just taken the task.
    assert formation.logs().count("Starting worker") <= starts + 4
    assert all(dyno.is_alive() for dyno in formation.workers)


def test_other_clients_take_every_connection(formation, fault):
    formation.restart_web()  # each process tells one cause a minute
    with fault("Connections exhausted for 5 s") as seen:
        formation.postgres.psql("ALTER ROLE dyno CONNECTION LIMIT 0")
        cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        formation.postgres.psql(f"{cut} WHERE usename = 'dyno'")
        time.sleep(5)
        limit = f"ALTER ROLE dyno CONNECTION LIMIT {CONNECTION_LIMIT}"
        formation.postgres.psql(limit)
        seen.restored()
        time.sleep(3)
    assert seen.unavailable
    assert "too many connections" in formation.logs()


def test_postgresql_is_frozen(formation, fault):
    with fault("PostgreSQL frozen for 15 s", recovered=3, hangs=17) as seen:
        formation.postgres.pause()
        try:
            statuses = formation.ask_at_once("/rehearsal/data", 36)
            time.sleep(15)
        finally:
            formation.postgres.resume()
        seen.restored()
        wait_until(lambda: len(statuses) == 36)
        time.sleep(4)
    assert {200, 503} >= set(statuses)
    assert formation.json("/ready")["database"] == "ok"


# Redis stops, hangs, or shows another certificate.


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
