"""The ASGI application, with WebSockets, by the lines of docs/growing.md."""

import re
import signal
import socket
import subprocess
import sys
import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import heroku
import pytest
from deployment import OWNER
from parts import wait_until
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

TEXT = (heroku.ROOT / "docs/growing.md").read_text()
SECTION = TEXT.partition("\n## WebSockets and async\n")[2].partition("\n## ")[0]
BLOCKS = re.findall(r"```\w+\n(.*?)```", SECTION, re.DOTALL)
PACKAGES, SOCKETS, ASGI, WHITENOISE, *PROCFILES = BLOCKS
SERVERS = dict(zip(("gunicorn", "uvicorn"), PROCFILES, strict=True))

SECURITY = '    "django.middleware.security.SecurityMiddleware",\n'


@pytest.fixture(scope="module")
def site(copy_project, postgres):
    """The project after what docs/growing.md says, with a migrated database."""
    project = copy_project("asgi").add_rehearsal().write("mysite/sockets.py", SOCKETS)
    project.change("mysite/settings.py", (SECURITY, SECURITY + WHITENOISE))
    project.append("requirements.in", f"\n{PACKAGES}")
    project.append("mysite/asgi.py", f"\n{ASGI}")
    # As bin/lock does.
    uv = Path(sys.executable).parent / "uv"
    words = "pip compile --quiet --universal --python-version 3.12 --generate-hashes"
    files = ["--output-file", "requirements.txt", "requirements.in"]
    subprocess.run([uv, *words.split(), *files], cwd=project.folder, check=True)
    project.build(
        DATABASE_URL=postgres.create("asgi"),
        EMAIL_URL="smtp://user:password@127.0.0.1:1",
    )
    project.release().run("python manage.py createsuperuser --noinput", **OWNER)
    return project


def command(server):
    """Return the document's own command for a server."""
    line = SERVERS[server].removeprefix("web: ")
    return line.replace("PACKAGE", "mysite")


@pytest.fixture(scope="module", params=SERVERS)
def dyno(site, request):
    """The site on each of the two servers."""
    with site.dyno(command=command(request.param)) as dyno:
        dyno.server = request.param
        yield dyno


@pytest.fixture
def client(dyno):
    return heroku.Client(dyno.port)


def echo(dyno, origin):
    """Return what a WebSocket answers, opened as by a page of an origin."""
    with connect(
        f"ws://{heroku.HOST}/ws/echo",
        sock=socket.create_connection(("127.0.0.1", dyno.port)),
        origin=origin,
        additional_headers={"X-Forwarded-Proto": "https"},
    ) as websocket:
        websocket.send("Hello")
        return websocket.recv(10)


def access_lines(dyno, path):
    """Return the lines of the access log about a path."""
    lines = dyno.log.splitlines()
    return [s for s in lines if " logger=access " in s and f" path={path} " in s]


def test_a_websocket_echoes_but_not_for_another_origin(dyno):
    assert echo(dyno, f"https://{heroku.HOST}") == "AnonymousUser: Hello"
    with pytest.raises(InvalidStatus) as refused:
        echo(dyno, "https://evil.example.com")
    assert refused.value.response.status_code == 403


def test_pages_and_files_are_those_that_wsgi_serves(client):
    page = client.get("/")
    assert page.status == 200
    assert page.headers["Content-Security-Policy"].startswith("default-src 'none'")
    assert page.headers["Strict-Transport-Security"]
    file = client.get(re.search(r"/static/\S+\.css", page.text)[0])
    assert file.status == 200
    assert file.headers["Content-Type"].startswith("text/css")
    up = client.get("/up")
    assert (up.status, up.text) == (200, "up\n")
    assert up.headers["Cache-Control"] == "no-store"
    ready = client.get("/ready")
    assert ready.status == 200 and '"database": "ok"' in ready.text
    plain = client.get("/", X_Forwarded_Proto="http")
    assert plain.headers["Location"] == f"https://{heroku.HOST}/"


def log_in(client, password, forwarded):
    """Return the status of a log-in that a proxy passes on."""
    form = client.get("/admin/login/").text
    token = re.search('csrfmiddlewaretoken" value="([^"]+)', form)[1]
    body = f"csrfmiddlewaretoken={token}&username=root&password={password}"
    headers = {"Referer": f"https://{heroku.HOST}/", "X_Forwarded_For": forwarded}
    return client.post("/admin/login/", body, **headers).status


def test_the_limit_on_log_ins_counts_the_visitor_whatever_the_client_forges(client):
    right = OWNER["DJANGO_SUPERUSER_PASSWORD"]
    for number in range(10):
        forged = f"198.51.100.{number}, 203.0.113.7"
        assert log_in(client, "wrong", forged) == 200
    assert log_in(client, right, "198.51.100.10, 203.0.113.7") == 200
    assert log_in(client, right, "198.51.100.10, 203.0.113.8") == 302


def test_each_request_is_one_line_as_under_wsgi(dyno, client):
    request_id = str(uuid.uuid4())
    client.get("/up")
    client.get("/robots.txt?token=secret", X_Request_Id=request_id)
    if dyno.server == "uvicorn":  # has no access log, so that no query is in it
        assert "secret" not in dyno.log
        return
    wait_until(lambda: access_lines(dyno, "/robots.txt"))
    [line] = access_lines(dyno, "/robots.txt")
    assert line.startswith(f"level=info logger=access request_id={request_id} ")
    assert re.search(r" status=200 service=\d+ms bytes=\d+ ", line)
    assert "secret" not in line
    assert not access_lines(dyno, "/up")


def test_requests_at_once_share_the_pool_or_leave_no_connection(dyno, postgres):
    ended = threading.Event()
    counts = []

    def connections():
        count = "SELECT count(*) FROM pg_stat_activity WHERE datname = 'asgi'"
        return int(postgres.psql(count))

    def watch():
        while not ended.wait(0.02):
            counts.append(connections())

    def ask(_):
        return heroku.Client(dyno.port).get("/rehearsal/query?seconds=0.2").status

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        with ThreadPoolExecutor(40) as threads:
            assert {*threads.map(ask, range(40))} == {200}
    finally:
        ended.set()
        watcher.join()
    if dyno.server == "gunicorn":
        assert 2 <= max(counts) <= 16  # two workers with a pool of eight
    else:
        assert max(counts) > 16  # each request has a connection of its own
        wait_until(lambda: not connections())


def test_on_sigterm_requests_are_answered_while_the_router_learns_of_it(site):
    with site.dyno(command=command("gunicorn")) as dyno:

        def ask(path):
            return heroku.Client(dyno.port).get(path).status

        with ThreadPoolExecutor(1) as threads:
            slow = threads.submit(ask, "/rehearsal/hang?seconds=5")
            time.sleep(1)
            dyno.signal(signal.SIGTERM)
            told = time.monotonic()
            while time.monotonic() - told < 2.5:
                assert ask("/up") == 200
                time.sleep(0.05)
            assert slow.result() == 200
        wait_until(lambda: not dyno.is_alive(), 25)


def test_nothing_else_was_an_error(dyno):
    assert "level=error" not in dyno.log
    assert "Traceback" not in dyno.log
