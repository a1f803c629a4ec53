"""What a dyno, its database and its error pages tell of a request."""

import re
import socket
import time
import uuid

import heroku
import parts
import pytest
from deployment import post

VALUE = r'(?:[^\s"=\\]+|"(?:\\.|[^"\\\x00-\x1f])*")'
LOGFMT = re.compile(rf"\w+={VALUE}(?: \w+={VALUE})*")


@pytest.fixture(scope="module")
def site(pushed, postgres):
    return pushed.app(
        DATABASE_URL=postgres.create("logs"),
        EMAIL_URL="smtp://user:mail-password@127.0.0.1:1",
        WEB_CONCURRENCY="1",
    ).release()


@pytest.fixture
def dyno(site):
    with site.dyno() as dyno:
        yield dyno


def log_in(dyno, request_id, **headers):
    """Try to log in with a password that is wrong; return the answer."""
    path = "/admin/login/?next=query-string"
    fields = {"username": "root", "password": "wrong-password"}
    headers["X_Request_Id"] = request_id
    return post(heroku.Client(dyno.port), path, fields, **headers)


def lines(dyno, wanted=""):
    """Return the lines of a dyno's log once `wanted` is in one."""
    parts.wait_until(lambda: wanted in dyno.log, 5)
    return dyno.log.splitlines()


def test_each_line_is_logfmt_told_once_and_without_health_checks(dyno):
    client = heroku.Client(dyno.port)
    for path in ("/up", "/ready"):
        assert client.get(path).status == 200
        assert client.request("HEAD", path).status == 200
    files = ("/static/site.css", "/static/no-such-file")
    for path in ("/", "/no-such-page", "/admin/", *files, "/?%00"):
        client.get(path)
    log = lines(dyno, "status=400")
    assert not [line for line in log if not LOGFMT.fullmatch(line)]
    assert len(log) == len(set(log))
    assert "Booting worker" in dyno.log
    assert "path=/up" not in dyno.log and "path=/ready" not in dyno.log
    missing = [line for line in log if "status=404" in line]
    assert "path=/no-such-page" in missing[0] and "path=/static/no-" in missing[1]
    assert "path=/static/site.css" not in dyno.log


def test_a_log_in_is_told_with_the_routers_request_id_and_without_secrets(dyno, site):
    request_id = str(uuid.uuid4())
    headers = {"Authorization": "Basic header-secret", "User_Agent": "A b"}
    answer = log_in(dyno, request_id, **headers)
    assert answer.status == 200
    told = lines(dyno, f"logger=access request_id={request_id}")
    failed, line = [line for line in told if request_id in line]
    assert ' message="A log-in as root failed from 203.0.113.7"' in failed
    assert line.startswith(
        f"level=info logger=access request_id={request_id} method=POST "
        f"path=/admin/login/ host={heroku.HOST} fwd=203.0.113.7 status=200 service="
    )
    assert line.endswith(f'ms bytes={len(answer.body)} user_agent="A b"')
    for secret in ("wrong-password", "query-string", "csrftoken", "header-secret"):
        assert secret not in dyno.log
    assert site.config_vars["DJANGO_SECRET_KEY"] not in dyno.log
    assert parts.PASSWORD not in dyno.log and "mail-password" not in dyno.log


def test_an_error_is_one_line_with_its_traceback_and_the_code_on_the_page(
    dyno, postgres
):
    request_id = str(uuid.uuid4())
    postgres.psql("ALTER DATABASE logs ALLOW_CONNECTIONS false")
    postgres.psql(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'logs'"
    )
    try:
        answer = log_in(dyno, request_id)
    finally:
        postgres.psql("ALTER DATABASE logs ALLOW_CONNECTIONS true")
    assert answer.status == 503
    assert f"quote this code: <code>{request_id}</code>" in answer.text
    error, access = [line for line in lines(dyno, request_id) if request_id in line]
    assert error.startswith("level=error logger=django.request ")
    assert ' traceback="' in error
    assert "OperationalError" in error
    assert len(error.encode()) < 10_000
    assert LOGFMT.fullmatch(error)
    assert "status=503" in access


def test_a_client_cannot_forge_a_line_or_a_value(dyno):
    forged = '" status=200 level=error \\'
    client = heroku.Client(dyno.port)
    answer = client.get(
        '/"status=200"%0alevel=error' + "%22" * 2000,
        User_Agent=forged + 5000 * "\x9b",
        X_Forwarded_For=forged + 5000 * '"',
        X_Request_Id="forged */ level=error -----",
    )
    assert answer.status == 404
    line = lines(dyno, "status=404")[-1]
    assert LOGFMT.fullmatch(line) and len(line.encode()) < 10_000
    fields = dict(re.findall(rf"(\w+)=({VALUE})", line))
    assert fields["status"] == "404"
    assert re.fullmatch(r"[0-9a-f-]{36}", fields["request_id"])


def test_what_gunicorn_refuses_does_not_bear_the_id_of_another_request(dyno):
    client = heroku.Client(dyno.port)
    for _ in range(9):
        client.get("/")
    for _ in range(9):
        with socket.create_connection(("127.0.0.1", dyno.port)) as bad:
            bad.sendall(b"GET / HTTP/1.1\r\nContent-Length: x\r\n\r\n")
            bad.recv(1000)
    log = lines(dyno, "Invalid request")
    refused = [line for line in log if "Invalid request" in line]
    assert refused and all(" request_id=- " in line for line in refused)


@pytest.mark.parametrize("level, access", [("warning", False), ("nonsense", True)])
def test_the_level_is_a_config_var(site, level, access):
    with site.dyno(DJANGO_LOG_LEVEL=level) as dyno:
        heroku.Client(dyno.port).get("/no-such-page")
        time.sleep(0.3)
        assert ("path=/no-such-page" in dyno.log) is access
