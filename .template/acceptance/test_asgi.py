"""The ASGI application, with WebSockets, by the lines of docs/growing.md."""

import re
import signal
import socket
import time
import uuid
from concurrent.futures import ThreadPoolExecutor

import heroku
import pytest
import recipes
from deployment import post
from parts import wait_until
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

STEPS = recipes.steps(recipes.sections("growing.md")["WebSockets and async"])
PACKAGES, SOCKETS, ASGI, WHITENOISE, *PROCFILES = [text for _, _, text in STEPS]
GUNICORN, UVICORN = [
    line.strip().removeprefix("web: ").replace("PACKAGE", "mysite")
    for line in PROCFILES
]

SECURITY = '    "django.middleware.security.SecurityMiddleware",\n'


@pytest.fixture(scope="module")
def site(copy_project, postgres):
    """The project after what docs/growing.md says, with a migrated database."""
    project = copy_project("asgi").add_rehearsal().write("mysite/sockets.py", SOCKETS)
    project.change("mysite/settings.py", (SECURITY, SECURITY + WHITENOISE))
    project.append("requirements.in", f"\n{PACKAGES}")
    project.append("mysite/asgi.py", f"\n{ASGI}")
    recipes.lock(project.folder)
    return project.build(DATABASE_URL=postgres.create("asgi")).release()


@pytest.fixture(scope="module", params=[GUNICORN, UVICORN], ids=["gunicorn", "uvicorn"])
def dyno(site, request):
    """The site on each of the two servers."""
    with site.dyno(command=request.param) as dyno:
        yield dyno


@pytest.fixture
def client(dyno):
    return heroku.Client(dyno.port)


def test_a_websocket_echoes_but_not_for_another_origin(dyno):
    def echo(origin):
        with connect(
            f"ws://{heroku.HOST}/ws/echo",
            sock=socket.create_connection(("127.0.0.1", dyno.port)),
            origin=f"https://{origin}",
            additional_headers={"X-Forwarded-Proto": "https"},
        ) as websocket:
            websocket.send("Hello")
            return websocket.recv(10)

    assert echo(heroku.HOST) == "AnonymousUser: Hello"
    with pytest.raises(InvalidStatus, match="403"):
        echo("evil.example.com")


def test_pages_and_files_are_those_that_wsgi_serves(client):
    page = client.get("/")
    assert page.status == 200
    assert page.headers["Content-Security-Policy"].startswith("default-src 'none'")
    assert page.headers["Strict-Transport-Security"]
    file = client.get(re.search(r"/static/\S+\.css", page.text)[0])
    assert file.headers["Content-Type"].startswith("text/css")
    up = client.get("/up")
    assert (up.status, up.text) == (200, "up\n")
    assert up.headers["Cache-Control"] == "no-store"
    assert '"database": "ok"' in client.get("/ready").text
    plain = client.get("/", X_Forwarded_Proto="http")
    assert plain.headers["Location"] == f"https://{heroku.HOST}/"


def test_a_log_in_counts_for_the_visitor_whatever_the_client_forges(dyno, client):
    fields = {"username": "root", "password": "wrong"}
    forged = "198.51.100.1, 203.0.113.7"
    post(client, "/admin/login/", fields, X_Forwarded_For=forged)
    wait_until(lambda: "A log-in as root failed from 203.0.113.7" in dyno.log)


def test_each_request_is_one_line_as_under_wsgi(dyno, client):
    request_id = str(uuid.uuid4())
    client.get("/up")
    client.get("/robots.txt?token=secret", X_Request_Id=request_id)
    if dyno.command == GUNICORN:  # uvicorn has no access log, so that no query is in it
        wait_until(lambda: " path=/robots.txt " in dyno.log)
        [line] = [s for s in dyno.log.splitlines() if " path=/robots.txt " in s]
        assert line.startswith(f"level=info logger=access request_id={request_id} ")
        assert re.search(r" status=200 service=\d+ms bytes=\d+ ", line)
    assert "secret" not in dyno.log
    assert " path=/up " not in dyno.log


def test_requests_at_once_share_the_pool_or_leave_no_connection(dyno, postgres):
    def connections():
        count = "SELECT count(*) FROM pg_stat_activity WHERE datname = 'asgi'"
        return int(postgres.psql(count))

    def ask():
        return heroku.Client(dyno.port).get("/rehearsal/query?seconds=0.5").status

    most = 0
    with ThreadPoolExecutor(40) as threads:
        answers = [threads.submit(ask) for _ in range(40)]
        while not all(answer.done() for answer in answers):
            most = max(most, connections())
    assert {answer.result() for answer in answers} == {200}
    if dyno.command == GUNICORN:
        assert 2 <= most <= 16  # two workers with a pool of eight
    else:
        assert most > 16  # each request has a connection of its own
        wait_until(lambda: not connections())


def test_requests_are_answered_for_three_seconds_after_sigterm(site):
    with site.dyno(command=GUNICORN) as dyno:
        dyno.signal(signal.SIGTERM)
        told = time.monotonic()
        while time.monotonic() - told < 2.5:
            assert heroku.Client(dyno.port).get("/up").status == 200
        wait_until(lambda: not dyno.is_alive(), 25)


def test_nothing_else_was_an_error(dyno):
    assert "level=error" not in dyno.log
    assert "Traceback" not in dyno.log
