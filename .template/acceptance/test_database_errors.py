"""A database that refuses to write, lacks a table, never answers or is not there."""

import socket
import time
from urllib.parse import quote

import heroku
import parts
import pytest
from client import HOST
from wire import COOKIE, FORM, REFERER, TOKEN, ask


@pytest.fixture(scope="module")
def dyno(rehearsal):
    """A web dyno with a database."""
    with rehearsal.dyno() as dyno:
        yield dyno


def form(**fields):
    """Return the body of a form that passes the CSRF check."""
    pairs = {"csrfmiddlewaretoken": TOKEN} | fields
    return "&".join(f"{name}={quote(value)}" for name, value in pairs.items())


def log_in(dyno, **fields):
    """Send the log-in form."""
    headers = [f"Content-Type: {FORM}", COOKIE, REFERER]
    return ask(dyno, "POST /admin/login/", *headers, body=form(**fields))


def test_a_read_only_database_is_a_503(rehearsal, postgres):
    owner = {
        "DJANGO_SUPERUSER_USERNAME": "ada",
        "DJANGO_SUPERUSER_EMAIL": "ada@example.com",
        "DJANGO_SUPERUSER_PASSWORD": "a-password-for-ada",
    }
    create = "python manage.py createsuperuser --noinput"
    rehearsal.run(create, **owner)
    read_only = "ALTER DATABASE rehearsal SET default_transaction_read_only = {}"
    postgres.psql(read_only.format("on"))
    try:
        with rehearsal.dyno() as dyno:
            known = {"username": "ada", "password": "a-password-for-ada"}
            answers = [
                log_in(dyno, **known),
                ask(dyno, "POST /rehearsal/write?name=read-only"),
                ask(dyno, "POST /rehearsal/enqueue?name=read-only"),
                ask(dyno, "GET /rehearsal/visit"),
            ]
            assert log_in(dyno, username="ada", password="wrong").status == 200
            assert ask(dyno, "GET /rehearsal/data").status == 200
            assert ask(dyno, "GET /ready").status == 503
    finally:
        postgres.psql(read_only.format("off"))
    for answer in answers:
        assert answer.status == 503
        assert answer.headers["retry-after"] == "10"
        assert "unavailable at the moment" in answer.text


MISSING = [
    "SELECT * FROM no_such_table",
    "SELECT no_such_column FROM mysite_user",
    "INSERT INTO mysite_user (no_such_column) VALUES (1)",
]


@pytest.fixture(scope="module")
def on_sqlite(rehearsed, tmp_path_factory):
    """The site on a server of its own, with an SQLite file."""
    path = tmp_path_factory.mktemp("sqlite") / "db.sqlite3"
    more = {"DATABASE_URL": f"sqlite:///{path}", "DJANGO_ALLOWED_HOSTS": HOST}
    command = "env -u DYNO {}"
    migrate = command.format("python manage.py release")
    rehearsed.run(migrate, **more)
    with rehearsed.dyno(command=command.format("gunicorn"), **more) as dyno:
        yield dyno


@pytest.mark.parametrize("query", MISSING)
@pytest.mark.parametrize("place", ["dyno", "on_sqlite"])
def test_a_missing_table_or_column_is_a_500_that_names_the_commands(
    request, place, query
):
    dyno = request.getfixturevalue(place)
    answer = ask(dyno, f"GET /rehearsal/sql?query={quote(query)}")
    assert answer.status == 500
    assert "retry-after" not in answer.headers
    assert "Something went wrong" in answer.text
    log = "".join(answer.log)
    assert "Fix: python manage.py makemigrations" in log and "manage.py release" in log


def test_ready_says_within_seven_seconds_that_the_database_hangs(rehearsed):
    """psycopg_pool tries twice to connect, for database.TIME_OUTS each."""
    # The kernel accepts the connections, and nobody answers.
    with socket.create_server(("127.0.0.1", 0), backlog=200) as silent:
        port = silent.getsockname()[1]
        url = f"postgres://dyno:{parts.PASSWORD}@127.0.0.1:{port}/none"
        with rehearsed.dyno(DATABASE_URL=url) as dyno:
            for _ in range(3):
                started = time.monotonic()
                assert heroku.Client(dyno.port).get("/ready").status == 503
                assert time.monotonic() - started < 7.5
                time.sleep(5)  # until it is asked again


def test_the_log_of_an_outage_has_one_traceback_a_minute_and_process(rehearsed):
    url = f"postgres://dyno:{parts.PASSWORD}@127.0.0.1:{parts.free_port()}/none"
    with rehearsed.dyno(DATABASE_URL=url) as dyno:
        boot = len(dyno.log.splitlines())
        answers = []
        for _ in range(15):
            answers.append(ask(dyno, "GET /rehearsal/data"))
            answers.append(log_in(dyno, username="ada", password="wrong"))
            ready = heroku.Client(dyno.port).get("/ready")
            assert ready.status == 503
        log = dyno.log.splitlines()[boot:]
    for answer in answers:
        assert answer.status == 503 and answer.headers["retry-after"]
        assert [line for line in answer.log if "status=503" in line]
    errors = [line for line in log if "logger=access" not in line]
    assert 1 <= sum("Traceback" in line for line in errors) <= 2
    # One of requests, of the pool, of /ready, of the cache and of log-ins, each of two
    # processes.
    assert len(errors) <= 2 * 5
