"""The ASGI application, with WebSockets, by the lines of docs/growing.md."""

import json
import re
import shutil
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
from parts import wait_until
from projects import change
from test_logs import LOGFMT
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

TEXT = (heroku.ROOT / "docs/growing.md").read_text()
SECTION = TEXT.partition("\n## WebSockets and async\n")[2].partition("\n## ")[0]
BLOCKS = re.findall(r"```\w+\n(.*?)```", SECTION, re.DOTALL)
PACKAGES, SOCKETS, ASGI, WHITENOISE, *PROCFILES = BLOCKS
SERVERS = dict(zip(("gunicorn", "uvicorn"), PROCFILES, strict=True))

SECURITY = '    "django.middleware.security.SecurityMiddleware",\n'
OWNER = {
    "DJANGO_SUPERUSER_USERNAME": "root",
    "DJANGO_SUPERUSER_EMAIL": "root@example.com",
    "DJANGO_SUPERUSER_PASSWORD": "a-password-for-root",
}
QUERY = "/rehearsal/query?seconds=0.2"


def lock(folder):
    """Compile requirements.in as bin/lock does."""
    uv = Path(sys.executable).parent / "uv"
    words = "pip compile --quiet --universal --python-version 3.12 --generate-hashes"
    files = ["--output-file", "requirements.txt", "requirements.in"]
    subprocess.run([uv, *words.split(), *files], cwd=folder, check=True)


@pytest.fixture(scope="module")
def sources(source, tmp_path_factory):
    """The repository after what docs/growing.md says, with a rehearsal's pages."""
    folder = shutil.copytree(source, tmp_path_factory.mktemp("asgi") / "source")
    rehearsal = Path(__file__).parent / "rehearsal"
    shutil.copytree(rehearsal, folder / "rehearsal")
    (folder / "mysite/sockets.py").write_text(SOCKETS)
    change(folder / "mysite/settings.py", (SECURITY, SECURITY + WHITENOISE))
    for name, text in (("requirements.in", PACKAGES), ("mysite/asgi.py", ASGI)):
        with (folder / name).open("a") as file:
            file.write(f"\n{text}")
    lock(folder)
    return folder


@pytest.fixture(scope="module")
def site(sources, tmp_path_factory, postgres, secret_key):
    """The slug, and its config vars with a migrated database."""
    config_vars = {
        "DJANGO_SETTINGS_MODULE": "rehearsal.settings",
        "DJANGO_SECRET_KEY": secret_key,
        "DATABASE_URL": postgres.create("asgi"),
        "EMAIL_URL": "smtp://user:password@127.0.0.1:1",
    }
    slug = tmp_path_factory.mktemp("slugs") / "asgi"
    heroku.build(sources, slug, config_vars)
    heroku.release(slug, config_vars)
    create = "python manage.py createsuperuser --noinput"
    heroku.run(slug, config_vars, create, **OWNER)
    return slug, config_vars


@pytest.fixture(scope="module", params=SERVERS)
def dyno(site, request):
    """The site on each of the two servers, by the document's own command."""
    slug, config_vars = site
    command = SERVERS[request.param].removeprefix("web: ")
    command = command.replace("PACKAGE", "mysite")
    with heroku.Dyno(slug, config_vars, command=command) as dyno:
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


def test_the_documents_lines_pass_the_projects_lint(sources):
    ruff = Path(sys.executable).parent / "ruff"
    for words in (["check"], ["format", "--check"]):
        subprocess.run([ruff, *words, "mysite"], cwd=sources, check=True)


def test_a_websocket_echoes(dyno):
    assert echo(dyno, f"https://{heroku.HOST}") == "AnonymousUser: Hello"


def test_a_websocket_from_another_origin_is_refused(dyno):
    with pytest.raises(InvalidStatus) as refused:
        echo(dyno, "https://evil.example.com")
    assert refused.value.response.status_code == 403


def test_up_is_answered(client):
    answer = client.get("/up")
    assert (answer.status, answer.text) == (200, "up\n")
    assert answer.headers["Content-Type"] == "text/plain"
    assert answer.headers["Cache-Control"] == "no-store"


def test_a_page_has_the_headers_that_it_has_under_wsgi(client):
    answer = client.get("/")
    assert answer.status == 200
    assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'")
    assert answer.headers["Strict-Transport-Security"]
    assert answer.headers["Cache-Control"] == "max-age=0, private, must-revalidate"
    assert answer.headers["Cross-Origin-Resource-Policy"] == "same-origin"


def test_plain_http_is_redirected(client):
    answer = client.get("/", X_Forwarded_Proto="http")
    assert answer.status == 301
    assert answer.headers["Location"] == f"https://{heroku.HOST}/"


def test_static_files_are_served(client):
    path = re.search(r"/static/\S+\.css", client.get("/").text)[0]
    answer = client.get(path)
    assert answer.status == 200
    assert answer.headers["Content-Type"].startswith("text/css")


def test_ready_asks_the_database(client):
    answer = client.get("/ready")
    assert answer.status == 200 and json.loads(answer.text)["database"] == "ok"


def test_a_form_without_its_token_is_refused_with_a_page(client):
    answer = client.post("/admin/login/", "username=a&password=b")
    assert answer.status == 403 and "<h1>" in answer.text


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
    assert LOGFMT.fullmatch(line) and "secret" not in line
    assert not access_lines(dyno, "/up")


def test_a_failure_is_logged_and_shown_with_the_routers_id(dyno, client):
    request_id = str(uuid.uuid4())
    answer = client.get("/rehearsal/sql?query=nonsense", X_Request_Id=request_id)
    assert answer.status == 500 and request_id in answer.text
    wanted = f"level=error logger=django.request request_id={request_id} "
    [line] = [line for line in dyno.log.splitlines() if line.startswith(wanted)]
    assert "traceback=" in line


def test_requests_at_once_share_the_pool_or_leave_no_connection(dyno, client, postgres):
    ended = threading.Event()
    most = [0]

    def connections():
        count = "SELECT count(*) FROM pg_stat_activity WHERE datname = 'asgi'"
        return int(postgres.psql(count))

    def watch():
        while not ended.wait(0.02):
            most[0] = max(most[0], connections())

    def ask(_):
        return heroku.Client(dyno.port).get(QUERY).status

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        with ThreadPoolExecutor(40) as threads:
            assert {*threads.map(ask, range(40))} == {200}
    finally:
        ended.set()
        watcher.join()
    if dyno.server == "gunicorn":
        assert 2 <= most[0] <= 16  # two workers with a pool of eight
    else:
        assert most[0] > 16  # each request has a connection of its own
        wait_until(lambda: not connections())


def test_on_sigterm_requests_are_answered_while_the_router_learns_of_it(site):
    slug, config_vars = site
    command = PROCFILES[0].removeprefix("web: ").replace("PACKAGE", "mysite")
    with heroku.Dyno(slug, config_vars, command=command) as dyno:

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
    lines = [line for line in dyno.log.splitlines() if "sql" not in line]
    assert not [line for line in lines if "level=error" in line or "Traceback" in line]
