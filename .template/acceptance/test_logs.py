"""What a dyno, its database and its error pages tell of a request."""

import re
import time
import uuid

import heroku
import parts
import pytest
from deployment import post
from wire import NEXT, request, talk

VALUE = r'(?:[^\s"=\\]+|"(?:\\.|[^"\\\x00-\x1f])*")'
LOGFMT = re.compile(rf"\w+={VALUE}(?: \w+={VALUE})*")
SECRET = "sesame"


@pytest.fixture(scope="module")
def dyno(pushed, postgres):
    """A web dyno with a database and a mail server, whose passwords are known."""
    mail_url = "smtp://user:mail-password@127.0.0.1:1"
    site = pushed.app(DATABASE_URL=postgres.create("logs"), EMAIL_URL=mail_url)
    with site.release().dyno() as dyno:
        yield dyno


def log_in(dyno, request_id, **headers):
    """Try to log in with a password that is wrong; return the answer."""
    path = "/admin/login/?next=query-string"
    fields = {"username": "root", "password": "wrong-password"}
    headers["X_Request_Id"] = request_id
    return post(heroku.Client(dyno.port), path, fields, **headers)


def lines(dyno, wanted):
    """Return the lines of a dyno's log once `wanted` is in one."""
    parts.wait_until(lambda: wanted in dyno.log, 5)
    return dyno.log.splitlines()


def test_each_line_is_logfmt_told_once_and_no_client_forges_one(dyno):
    client = heroku.Client(dyno.port)
    files = ("/static/site.css", "/static/no-such-file")
    for path in ("/up", "/ready", "/", "/no-such-page", "/admin/", *files, "/?%00"):
        client.get(path)
    forged = '" status=200 level=error \\'
    client.get(
        '/"status=200"%0alevel=error' + "%22" * 2000,
        User_Agent=forged + 5000 * "\x9b",
        X_Forwarded_For=forged + 5000 * '"',
        X_Request_Id="forged */ level=error -----",
    )
    log = lines(dyno, "%0alevel=error")
    assert not [line for line in log if not LOGFMT.fullmatch(line)]
    assert max(len(line.encode()) for line in log) < 10_000
    assert len(log) == len(set(log))
    assert "Booting worker" in dyno.log
    assert "path=/up" not in dyno.log and "path=/ready" not in dyno.log
    fields = dict(re.findall(rf"(\w+)=({VALUE})", log[-1]))
    assert fields["status"] == "404"
    assert re.fullmatch(r"[0-9a-f-]{36}", fields["request_id"])
    missing = [line for line in log if "status=404" in line]
    assert "path=/no-such-page" in missing[0] and "path=/static/no-" in missing[1]
    assert "path=/static/site.css" not in dyno.log


def test_a_log_in_is_told_with_the_routers_request_id_and_without_secrets(dyno, pushed):
    request_id = str(uuid.uuid4())
    headers = {"Authorization": "Basic header-secret", "User_Agent": "A b"}
    addresses = "198.51.100.1, 203.0.113.7"
    answer = log_in(dyno, request_id, X_Forwarded_For=addresses, **headers)
    assert answer.status == 200
    told = lines(dyno, f"logger=access request_id={request_id}")
    failed, line = [line for line in told if request_id in line]
    assert ' message="A log-in as root failed from 203.0.113.7"' in failed
    assert line.startswith(
        f"level=info logger=access request_id={request_id} method=POST "
        f'path=/admin/login/ host={heroku.HOST} fwd="{addresses}" status=200 service='
    )
    assert line.endswith(f'ms bytes={len(answer.body)} user_agent="A b"')
    for secret in ("wrong-password", "query-string", "csrftoken", "header-secret"):
        assert secret not in dyno.log
    assert pushed.config_vars["DJANGO_SECRET_KEY"] not in dyno.log
    assert parts.PASSWORD not in dyno.log and "mail-password" not in dyno.log


def test_what_gunicorn_refuses_does_not_bear_the_id_of_another_request(dyno):
    client = heroku.Client(dyno.port)
    for _ in range(9):
        client.get("/")
        talk(dyno, request("GET / HTTP/1.1", "Content-Length: x"))
    log = lines(dyno, "Invalid request")
    refused = [line for line in log if "Invalid request" in line]
    assert refused and all(" request_id=- " in line for line in refused)


def test_an_error_is_one_line_with_its_traceback_and_the_code_on_the_page(
    pushed, postgres
):
    request_id = str(uuid.uuid4())
    with pushed.dyno(DATABASE_URL=postgres.url("no-such-database")) as dyno:
        answer = log_in(dyno, request_id)
        told = lines(dyno, "status=503")
    assert answer.status == 503
    assert f"quote this code: <code>{request_id}</code>" in answer.text
    error, access = [line for line in told if request_id in line]
    assert error.startswith("level=error logger=django.request ")
    assert ' traceback="' in error and "OperationalError" in error
    assert LOGFMT.fullmatch(error) and len(error.encode()) < 10_000
    assert "status=503" in access


REFUSED = [
    request(f"GET /?token={SECRET}\xff HTTP/1.1"),
    request(f"GET /?token={SECRET} HTTP/9.9"),
    request(f"GET /?{9_000 * 'x'}{SECRET} HTTP/1.1"),
    request(f"GET /?token={SECRET} HTTP/1.1", host="evil.example.com"),
    request(f"GET http://[?token={SECRET} HTTP/1.1"),
    request("GET / HTTP/1.1", f"Authorization Bearer {SECRET}"),
    request("GET / HTTP/1.1", f"Authorization: Bearer\0{SECRET}"),
    request("GET / HTTP/1.1", f"X: {9_000 * 'x'}{SECRET}"),
    request("POST / HTTP/1.1", f"Content-Length: {SECRET}"),
    request("POST / HTTP/1.1", "Transfer-Encoding: chunked", body=f"{SECRET}\r\n"),
    request("GET / HTTP/1.1", f"Expect: {SECRET}"),
    request("GET / HTTP/1.1", f"X-Request-Id: {SECRET}-{SECRET}-{SECRET}!"),
]


def test_no_refused_request_leaves_a_secret_in_the_log(pushed):
    with pushed.dyno(DJANGO_LOG_LEVEL="DEBUG") as dyno:
        for sent in REFUSED:
            talk(dyno, sent + NEXT)
        heroku.Client(dyno.port).get("/no-such-page")
        log = lines(dyno, "path=/no-such-page")
    assert not [line for line in log if SECRET in line]
    assert [line for line in log if "path=/up" in line]


@pytest.mark.parametrize("level, access", [("warning", False), ("nonsense", True)])
def test_the_level_is_a_config_var(pushed, level, access):
    with pushed.dyno(DJANGO_LOG_LEVEL=level) as dyno:
        heroku.Client(dyno.port).get("/no-such-page")
        time.sleep(0.3)
        assert ("path=/no-such-page" in dyno.log) is access
