"""A web worker's pool of connections, and its pages while the database is away."""

import re
import socket
import time
from concurrent.futures import ThreadPoolExecutor

import heroku
import parts
import pytest
from deployment import OWNER, PASSWORD, post
from parts import wait_until
from projects import append

ONE_WORKER = {"WEB_CONCURRENCY": "1", "WEB_THREADS": "100"}
DATA = "/rehearsal/data"
BUSY = "/rehearsal/query?seconds=0.5"

ASKS_WHILE_LOADED = """
from django.apps import AppConfig
class RehearsalConfig(AppConfig):
    name = "rehearsal"
    def ready(self):
        from django.contrib.auth.models import Group
        Group.objects.count()
"""


@pytest.fixture(scope="module")
def server():
    """A PostgreSQL server that a test may stop."""
    with parts.Postgres() as server:
        yield server


@pytest.fixture(scope="module")
def site(rehearsed, server):
    """The site with a migrated database."""
    return rehearsed.release(DATABASE_URL=server.create("pool"))


def ask(dyno, path):
    """Return the answer to a request on a connection of its own, and its seconds."""
    started = time.monotonic()
    answer = heroku.Client(dyno.port).get(path)
    return answer, time.monotonic() - started


def statuses(dyno, path, count):
    """Send so many requests at once and return the set of their statuses."""
    with ThreadPoolExecutor(count) as threads:
        answers = threads.map(lambda _: ask(dyno, path)[0].status, range(count))
        return set(answers)


def lines(dyno, wanted):
    """Return the lines of a dyno's log that hold a text."""
    return [line for line in dyno.log.splitlines() if wanted in line]


@pytest.fixture
def dyno(site):
    """A dyno of one worker."""
    with site.dyno(**ONE_WORKER) as dyno:
        yield dyno


def test_a_hundred_threads_serve_while_ninety_views_wait(dyno):
    """None holds a connection: no stream, and no view that does as growing.md says."""
    ask(dyno, DATA)  # the first page of a process takes longer
    with ThreadPoolExecutor(90) as slow:
        views = ["hang", "stream", "service"] * 30
        paths = [f"/rehearsal/{view}?seconds=6" for view in views]
        waiting = [slow.submit(ask, dyno, path) for path in paths]
        time.sleep(2)
        for path in ("/up", "/", DATA) * 5:
            answer, seconds = ask(dyno, path)
            assert answer.status == 200 and seconds < 1
        assert not any(answer.done() for answer in waiting)
        answers = [answer.result() for answer in waiting]
    assert {answer.status for answer, _ in answers} == {200}
    assert max(seconds for _, seconds in answers) < 9  # all of them waited at once
    assert "level=error" not in dyno.log


def test_a_stream_may_ask_the_database_while_it_is_sent(dyno, server):
    groups = "SELECT 'stream ' || number FROM generate_series(1, 50) number"
    server.psql(f"INSERT INTO auth_group (name) {groups}", "pool")
    client = heroku.Client(dyno.port)
    answer = client.get("/rehearsal/rows", Accept_Encoding="gzip")
    assert answer.text.count("stream") == 50  # it is not compressed, either


def test_a_query_while_the_site_is_loaded_costs_no_page(site, tmp_path):
    site = site.copy_slug(tmp_path)
    append(site.slug / "rehearsal/apps.py", ASKS_WHILE_LOADED)
    pool = 'DATABASES["default"]["OPTIONS"]["pool"] = {"max_size": 4, "timeout": 3}'
    append(site.slug / "rehearsal/settings.py", pool)
    with site.dyno() as dyno:
        [warning] = lines(dyno, "Accessing the database during app initialization")
        assert warning.startswith("level=warning logger=py.warnings ")
        for _ in range(5):
            assert statuses(dyno, DATA, 12) == {200}
        assert "level=error" not in dyno.log


def test_a_restart_of_the_server_costs_no_page_more_than_a_moment(dyno, server):
    assert statuses(dyno, BUSY, 16) == {200}  # its pool has its full size
    server.restart()
    answers = [ask(dyno, DATA) for _ in range(20)]
    assert {answer.status for answer, _ in answers} == {200}
    assert max(seconds for _, seconds in answers) < 1
    assert "level=error" not in dyno.log


def test_a_stopped_server_is_told_once_a_minute_and_process(dyno, server):
    assert statuses(dyno, BUSY, 16) == {200}  # its pool has its full size
    booted = len(dyno.log.splitlines())
    fields = {"username": "nobody", "password": "wrong"}
    server.stop()
    try:
        answers = [ask(dyno, DATA) for _ in range(20)]
        for _ in range(5):
            answer = post(heroku.Client(dyno.port), "/admin/login/", fields)
            assert answer.status == ask(dyno, "/ready")[0].status == 503
    finally:
        server.start()
    assert {answer.status for answer, _ in answers} == {503}
    assert all(answer.headers["Retry-After"] for answer, _ in answers)
    # A pool tries for half a second; nothing waits for its whole time-out.
    assert max(seconds for _, seconds in answers) < 2
    wait_until(lambda: ask(dyno, DATA)[0].status == 200, 3)
    assert statuses(dyno, DATA, 12) == {200}
    [cause] = lines(dyno, "error connecting")
    assert "logger=psycopg.pool" in cause and "Connection refused" in cause
    assert len(lines(dyno, "Traceback")) == 1
    assert not lines(dyno, "logger=dyno.views.pool")
    assert parts.PASSWORD not in dyno.log
    log = dyno.log.splitlines()[booted:]
    # One of requests, of the pool, of /ready, of the cache and of log-ins.
    assert sum("logger=access" not in line for line in log) <= 5


def test_a_full_pool_is_told_once_a_minute_and_so_is_a_query_that_takes_too_long(site):
    more = {"DATABASE_POOL_SIZE": "1", "DATABASE_STATEMENT_TIMEOUT": "13s"}
    with site.dyno(**ONE_WORKER, **more) as dyno, ThreadPoolExecutor(9) as slow:
        most = "1 database connections at most, 2 while a release replaces another"
        assert f"1 databases = {most}; 100 threads a worker" in dyno.log
        assert ask(dyno, DATA)[0].status == 200
        held = slow.submit(ask, dyno, "/rehearsal/query?seconds=20")
        time.sleep(0.5)
        waiting = [slow.submit(ask, dyno, DATA) for _ in range(8)]
        for path in ("/up", "/") * 5:
            answer, seconds = ask(dyno, path)
            assert answer.status == 200 and seconds < 1
        for answer, seconds in [answer.result() for answer in waiting]:
            assert answer.status == 503 and answer.headers["Retry-After"]
            assert 9 < seconds < 12
        answer, _ = held.result()
        assert answer.status == 503 and answer.headers["Retry-After"]
        assert ask(dyno, DATA)[0].status == 200
        [line] = wait_until(lambda: lines(dyno, " path=/rehearsal/query "))
        assert re.search(r" status=503 service=13\d\d\dms ", line)
        [told] = lines(dyno, "logger=dyno.views.pool")
        assert "1 at most (DATABASE_POOL_SIZE)" in told and "Fix: " in told
        assert not lines(dyno, "error connecting")


def test_a_read_only_database_is_a_503(site):
    site.run("python manage.py createsuperuser --noinput", **OWNER)
    read_only = "?options=-cdefault_transaction_read_only%3Don"
    url = site.config_vars["DATABASE_URL"] + read_only
    with site.dyno(DATABASE_URL=url) as dyno:
        client = heroku.Client(dyno.port)
        right = {"username": "root", "password": PASSWORD}
        answers = [
            post(client, "/admin/login/", right),
            client.post("/rehearsal/write?name=read-only", ""),
            client.post("/rehearsal/enqueue?name=read-only", ""),
            client.get("/rehearsal/visit"),
        ]
        wrong = right | {"password": "wrong"}
        assert post(client, "/admin/login/", wrong).status == 200
        assert client.get(DATA).status == 200
        assert client.get("/ready").status == 503
    for answer in answers:
        assert answer.status == 503
        assert answer.headers["Retry-After"] == "10"
        assert "unavailable at the moment" in answer.text


def test_ready_says_within_seven_seconds_that_the_database_hangs(site):
    """psycopg_pool tries twice to connect, for database.TIME_OUTS each."""
    # The kernel accepts the connections, and nobody answers.
    with socket.create_server(("127.0.0.1", 0), backlog=200) as silent:
        port = silent.getsockname()[1]
        url = f"postgres://dyno:{parts.PASSWORD}@127.0.0.1:{port}/none"
        with site.dyno(**ONE_WORKER, DATABASE_URL=url) as dyno:
            for _ in range(2):
                answer, seconds = ask(dyno, "/ready")
                assert answer.status == 503 and seconds < 7.5
                time.sleep(5)  # until it is asked again
