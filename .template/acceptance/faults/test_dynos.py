"""Dynos lose processes, hang, fill their disk or leak memory."""

import os
import resource
import signal
import time

from parts import children, wait_until


def test_a_web_worker_of_each_dyno_is_killed(formation, fault):
    # A POST that the worker was at may be done or not, so nobody may send it again.
    with fault("A web worker of each dyno killed with -9", failed=3) as seen:
        for dyno in formation.web:
            os.kill(children(dyno)[0], signal.SIGKILL)
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
    """Each worker is replaced after some 35 requests, at 60 requests a second."""
    arguments = "--access-logfile - --max-requests 30 --max-requests-jitter 10"
    formation.restart_web(GUNICORN_CMD_ARGS=arguments)
    with fault("Memory leaks, web workers replaced", slowest=3, recovered=0):
        before = {pid for dyno in formation.web for pid in children(dyno)}
        for _ in range(150):
            assert formation.get("/rehearsal/leak").status == 200
            time.sleep(0.05)
        after = {pid for dyno in formation.web for pid in children(dyno)}
    assert not before & after
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
