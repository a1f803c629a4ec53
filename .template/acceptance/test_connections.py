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
from releases import copy_slug

ONE_WORKER = {"WEB_CONCURRENCY": "1"}
DATA = "/rehearsal/data"

ASKS_WHILE_LOADED = """
from django.apps import AppConfig
class RehearsalConfig(AppConfig):
    name = "rehearsal"
    def ready(self):
        from django.contrib.auth.models import Group
        Group.objects.count()
"""
POOL_IN_SETTINGS = """
DATABASES["default"]["OPTIONS"]["pool"] = {"max_size": 4, "timeout": 3}
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


def test_a_hundred_threads_serve_while_ninety_views_wait(site):
    more = ONE_WORKER | {"WEB_THREADS": "100"}
    with site.dyno(**more) as dyno, ThreadPoolExecutor(90) as slow:
        ask(dyno, DATA)  # the first page of a process takes longer
        waiting = [
            slow.submit(ask, dyno, "/rehearsal/hang?seconds=6") for _ in range(90)
        ]
        time.sleep(2)
        for path in ("/up", "/", DATA) * 5:
            answer, seconds = ask(dyno, path)
            assert answer.status == 200 and seconds < 1
        assert not any(answer.done() for answer in waiting)
        answers = [answer.result() for answer in waiting]
    assert {answer.status for answer, _ in answers} == {200}
    assert max(seconds for _, seconds in answers) < 9  # all of them waited at once


@pytest.mark.parametrize(
    "view", ["stream", "service"], ids=["a stream", "docs/growing.md's advice"]
)
def test_views_that_need_no_connection_any_more_hold_none(site, view):
    with site.dyno(**ONE_WORKER) as dyno:
        with ThreadPoolExecutor(30) as visitors:
            path = f"/rehearsal/{view}?seconds=6"
            waiting = [visitors.submit(ask, dyno, path) for _ in range(30)]
            time.sleep(2)  # all of them have made their query
            for _ in range(30):
                answer, seconds = ask(dyno, DATA)
                assert answer.status == 200 and seconds < 0.5
            assert not any(answer.done() for answer in waiting)
            answers = [answer.result() for answer in waiting]
        assert {answer.status for answer, _ in answers} == {200}
        assert "level=error" not in dyno.log


def test_a_stream_may_ask_the_database_while_it_is_sent(site, server):
    groups = "SELECT 'stream ' || number FROM generate_series(1, 50) number"
    server.psql(f"INSERT INTO auth_group (name) {groups}", "pool")
    with site.dyno(**ONE_WORKER) as dyno:
        answer, _ = ask(dyno, "/rehearsal/rows")
        assert answer.text.count("stream") == 50


def test_a_web_worker_opens_so_many_connections_at_most(site, server):
    of_site = "SELECT count(*) FROM pg_stat_activity WHERE usename = 'dyno'"
    before = int(server.psql(of_site))
    seen = []
    more = ONE_WORKER | {"DATABASE_POOL_SIZE": "3"}
    with site.dyno(**more) as dyno, ThreadPoolExecutor(1) as visitors:
        busy = "/rehearsal/query?seconds=0.5"
        found = visitors.submit(statuses, dyno, busy, 24)
        while not found.done():
            seen.append(int(server.psql(of_site)) - before)
        most = "3 database connections at most, 6 while a release replaces another"
        assert f"1 databases = {most}; 40 threads a worker" in dyno.log
    assert found.result() == {200}
    assert max(seen) == 3


def test_a_query_while_the_site_is_loaded_costs_no_page(site, tmp_path):
    slug = copy_slug(site.slug, tmp_path)
    (slug / "rehearsal/apps.py").write_text(ASKS_WHILE_LOADED)
    append(slug / "rehearsal/settings.py", POOL_IN_SETTINGS)
    with heroku.Dyno(slug, site.config_vars) as dyno:
        [warning] = lines(dyno, "Accessing the database during app initialization")
        assert warning.startswith("level=warning logger=py.warnings ")
        for _ in range(5):
            assert statuses(dyno, DATA, 12) == {200}
        assert "level=error" not in dyno.log


@pytest.fixture
def rushed(site):
    """A dyno of one worker, whose pool has grown to its full size in a rush."""
    with site.dyno(**ONE_WORKER) as dyno:
        assert statuses(dyno, "/rehearsal/query?seconds=0.5", 16) == {200}
        yield dyno


def test_a_restart_of_the_server_costs_no_page_more_than_a_moment(rushed, server):
    server.restart()
    answers = [ask(rushed, DATA) for _ in range(20)]
    assert {answer.status for answer, _ in answers} == {200}
    assert max(seconds for _, seconds in answers) < 1
    assert "level=error" not in rushed.log


def test_a_stopped_server_is_told_once_a_minute_and_process(rushed, server):
    booted = len(rushed.log.splitlines())
    fields = {"username": "nobody", "password": "wrong"}
    server.stop()
    try:
        answers = [ask(rushed, DATA) for _ in range(20)]
        for _ in range(5):
            answer = post(heroku.Client(rushed.port), "/admin/login/", fields)
            assert answer.status == ask(rushed, "/ready")[0].status == 503
    finally:
        server.start()
    assert {answer.status for answer, _ in answers} == {503}
    assert all(answer.headers["Retry-After"] for answer, _ in answers)
    # A pool tries for half a second; nothing waits for its whole time-out.
    assert max(seconds for _, seconds in answers) < 2
    wait_until(lambda: ask(rushed, DATA)[0].status == 200, 3)
    assert statuses(rushed, DATA, 12) == {200}
    [cause] = lines(rushed, "error connecting")
    assert "logger=psycopg.pool" in cause and "Connection refused" in cause
    assert len(lines(rushed, "Traceback")) == 1
    assert not lines(rushed, "logger=dyno.views.pool")
    assert parts.PASSWORD not in rushed.log
    log = rushed.log.splitlines()[booted:]
    # One of requests, of the pool, of /ready, of the cache and of log-ins.
    assert sum("logger=access" not in line for line in log) <= 5


def test_a_full_pool_is_told_once_a_minute_and_names_the_config_var(site):
    more = ONE_WORKER | {"DATABASE_POOL_SIZE": "1"}
    with site.dyno(**more) as dyno, ThreadPoolExecutor(9) as slow:
        assert ask(dyno, DATA)[0].status == 200
        held = slow.submit(ask, dyno, "/rehearsal/query?seconds=13")
        time.sleep(0.5)
        waiting = [slow.submit(ask, dyno, DATA) for _ in range(8)]
        for path in ("/up", "/") * 5:
            answer, seconds = ask(dyno, path)
            assert answer.status == 200 and seconds < 1
        for answer, seconds in [answer.result() for answer in waiting]:
            assert answer.status == 503 and answer.headers["Retry-After"]
            assert 9 < seconds < 12
        assert held.result()[0].status == 200
        assert ask(dyno, DATA)[0].status == 200
        [line] = lines(dyno, " path=/rehearsal/query ")
        assert re.search(r" status=200 service=13\d\d\dms ", line)
        [told] = lines(dyno, "logger=dyno.views.pool")
        assert "1 at most (DATABASE_POOL_SIZE)" in told and "Fix: " in told
        assert not lines(dyno, "error connecting")


def test_a_query_that_takes_too_long_is_a_503(site):
    with site.dyno(DATABASE_STATEMENT_TIMEOUT="1s") as dyno:
        answer, seconds = ask(dyno, "/rehearsal/query?seconds=5")
        assert answer.status == 503 and answer.headers["Retry-After"]
        assert seconds < 4
        assert ask(dyno, DATA)[0].status == 200


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
        with site.dyno(DATABASE_URL=url) as dyno:
            for _ in range(3):
                answer, seconds = ask(dyno, "/ready")
                assert answer.status == 503 and seconds < 7.5
                time.sleep(5)  # until it is asked again


def test_without_the_pools_library_the_release_says_so_and_pages_work(site, tmp_path):
    lacks_it = "import sys\nsys.modules['psycopg_pool'] = None\n"
    (tmp_path / "sitecustomize.py").write_text(lacks_it)
    more = {"PYTHONPATH": str(tmp_path)}
    said = site.run("python manage.py release", **more)
    assert "deploy.W041" in said
    assert "psycopg[binary,pool] in requirements.in" in said
    with site.dyno(**more) as dyno:
        for _ in range(3):
            assert statuses(dyno, DATA, 12) == {200}
        assert ask(dyno, "/ready")[0].status == 200
        assert "level=error" not in dyno.log
