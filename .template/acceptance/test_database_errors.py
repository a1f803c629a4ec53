"""A database that refuses to write, or never answers."""

import socket
import time

import heroku
import parts
from deployment import OWNER, PASSWORD, post


def test_a_read_only_database_is_a_503(rehearsal, postgres):
    rehearsal.run("python manage.py createsuperuser --noinput", **OWNER)
    postgres.psql("ALTER DATABASE rehearsal SET default_transaction_read_only = on")
    with rehearsal.dyno() as dyno:
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
        assert client.get("/rehearsal/data").status == 200
        assert client.get("/ready").status == 503
    for answer in answers:
        assert answer.status == 503
        assert answer.headers["Retry-After"] == "10"
        assert "unavailable at the moment" in answer.text


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
