"""What clients send to code that might trust it, and what fails without a word.

Each answer comes from the site's own handlers, and no log line holds a secret.
"""

import contextlib
import re
import socket
import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import quote

import heroku
import parts
import pytest
from formation import children
from heroku import HOST
from test_front_door import NEXT, request, talk

SECRET = "sesame"
TOKEN = "a" * 32  # a CSRF cookie and a form agree on it, whoever made it
COOKIE = f"Cookie: __Host-csrftoken={TOKEN}"
REFERER = f"Referer: https://{HOST}/admin/login/"
FORM = "application/x-www-form-urlencoded"


@pytest.fixture(scope="module")
def database(rehearsed, postgres):
    """The config vars of a release with a migrated database."""
    slug, config_vars = rehearsed
    config_vars = config_vars | {"DATABASE_URL": postgres.create("hostile")}
    heroku.release(slug, config_vars)
    return config_vars


@pytest.fixture(scope="module")
def dyno(rehearsed, database):
    """A web dyno with a database."""
    with heroku.Dyno(rehearsed[0], database) as dyno:
        yield dyno


def ask(dyno, line, *headers, body="", scheme="https"):
    """Send a request; return status, headers, text and its lines in the log."""
    request_id = str(uuid.uuid4())
    headers = [*headers, f"X-Request-Id: {request_id}", "Connection: close"]
    if body or line.startswith("POST"):
        headers.append(f"Content-Length: {len(body)}")
    sent = request(f"{line} HTTP/1.1", *headers, scheme=scheme, body=body)
    head, _, text = talk(dyno, sent, 60).partition(b"\r\n\r\n")
    first, *others = head.decode("latin-1").split("\r\n")
    pairs = (other.partition(": ") for other in others)
    access = f"logger=access request_id={request_id}"
    parts.wait_until(lambda: access in dyno.log, 10)
    log = [line for line in dyno.log.splitlines() if f"request_id={request_id}" in line]
    return SimpleNamespace(
        status=int(first.split()[1]),
        headers={name.lower(): value for name, _, value in pairs},
        text=text.decode("utf-8", "replace"),
        log=log,
    )


def is_ours(answer):
    """Assert that the site answered, with all its headers, and logged no error."""
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert answer.headers["strict-transport-security"]
    assert "/static/site." in answer.text or "/static/admin/" in answer.text
    assert "level=error" not in "".join(answer.log)


CHARSETS = ["iso-8859-1", "punycode", "utf-16", "no-such-charset", "", '"', "\xff"]
CHARSETS += ["a" * 5000]
ODD_CHARSETS = ["rot13", "zlib", "hex", "base64", "bz2", "uu", "quopri", "undefined"]
ODD_CHARSETS += ["utf-7", "idna", "unicode_escape", "raw_unicode_escape"]
CONTENT_TYPES = [f"text/plain; charset={charset}" for charset in CHARSETS]
CONTENT_TYPES += [f"{FORM}; charset={charset}" for charset in CHARSETS]
CONTENT_TYPES += ["/", ";", "=;=;=", "text/plain; charset*=utf-8''%ff", "\xff/\xfe"]
CONTENT_TYPES += [
    "text/plain; charset*=rot13''x",
    "a;b*=",
    ";" * 4000,
    "multipart/form-data; boundary=\xff",
    "multipart/mixed",
]


@pytest.mark.parametrize("content_type", CONTENT_TYPES, ids=range(len(CONTENT_TYPES)))
def test_a_content_type_gets_a_page_of_ours(dyno, content_type):
    kind = f"Content-Type: {content_type}"
    body = f"csrfmiddlewaretoken={TOKEN}&username=a%ff\xe9&password=b"
    for answer in (
        ask(dyno, f"GET /?token={SECRET}", kind),
        ask(dyno, f"POST /admin/login/?token={SECRET}", kind, body=body),
        ask(
            dyno, f"POST /admin/login/?token={SECRET}", kind, COOKIE, REFERER, body=body
        ),
    ):
        assert answer.status in (200, 400, 403, 415)
        is_ours(answer)
    assert SECRET not in dyno.log


LOG_IN = "".join(
    f'--end\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
    for name, value in {
        "csrfmiddlewaretoken": TOKEN,
        "username": "u\\ud800+2AA-",
        "password": "a",
    }.items()
)
LOG_IN += "--end--\r\n"


@pytest.mark.parametrize("charset", CHARSETS)
def test_a_log_in_in_any_charset_gets_a_page_of_ours(dyno, charset):
    kind = f"Content-Type: multipart/form-data; boundary=end; charset={charset}"
    for path in ("/admin/login/", "/admin/login/?next=%5Cud800"):
        line = f"POST {path}"
        answer = ask(dyno, line, kind, COOKIE, REFERER, body=LOG_IN)
        assert answer.status in (200, 400, 403)
        is_ours(answer)
    answer = ask(dyno, "GET /admin/login/?next=%5Cud800", kind)
    assert answer.status in (200, 400)
    is_ours(answer)


@pytest.mark.parametrize(
    "charset", [f"={charset}" for charset in ODD_CHARSETS] + ["*=x''"]
)
def test_an_odd_charset_harms_nobody_else(dyno, charset):
    """Only a scanner sends it; gunicorn's or Django's 500 is good enough."""
    before = children(dyno)
    lines = [
        (f"GET /?token={SECRET}&a=%ff HTTP/1.1", ""),
        ("POST /admin/login/ HTTP/1.1", LOG_IN),
    ]
    kind = f"Content-Type: multipart/form-data; boundary=end; charset{charset}"
    for line, body in lines * 4:
        headers = [kind, COOKIE, REFERER, f"Content-Length: {len(body)}"]
        sent = request(line, *headers, "Connection: close", body=body)
        assert talk(dyno, sent)[9:12] in (b"200", b"400", b"403", b"500")
    assert ask(dyno, "GET /robots.txt").status == 200
    assert children(dyno) == before
    assert SECRET not in dyno.log


def test_an_address_that_cannot_be_redirected_is_no_error(dyno):
    for line, scheme in (("GET /admin?%s", "https"), ("GET /nothing?%s", "http")):
        answer = ask(dyno, line % (7_000 * '"'), scheme=scheme)
        assert answer.status == 400
        assert "level=error" not in "".join(answer.log)


def test_an_unknown_host_over_http_gets_the_headers_too(dyno):
    sent = request("GET / HTTP/1.1", "Connection: close", scheme="http")
    head = talk(dyno, sent.replace(HOST.encode(), b"a..b"))
    assert b" 400 " in head.partition(b"\r\n")[0]
    assert b"\nX-Content-Type-Options: nosniff" in head


@pytest.mark.parametrize("path", ["/", "/admin/login/", "/no-such-page"])
def test_a_thousand_parameters_get_a_page_of_ours(dyno, path):
    query = "&".join(f"a{number}=" for number in range(1_001))
    answer = ask(dyno, f"GET {path}?{query}")
    assert answer.status in (200, 400, 404)
    assert answer.headers["content-security-policy"]
    assert "level=error" not in "".join(answer.log)
    assert "a1=" not in dyno.log


def multipart(*contents, name="a", filename=None):
    """Return a multipart body; its boundary is "end"."""
    file = f'; filename="{filename}"' if filename else ""
    disposition = f'Content-Disposition: form-data; name="{name}"{file}'
    found = "".join(f"--end\r\n{disposition}\r\n\r\n{text}\r\n" for text in contents)
    return f"{found}--end--\r\n"


MULTIPART = "multipart/form-data; boundary=end"
BODIES = {
    "1,001 fields": (FORM, "&".join(f"a{number}=" for number in range(1_001))),
    "1,001 parts": (MULTIPART, multipart(*1_001 * ["x"])),
    "2.7 MB": (FORM, "a=" + "x" * 2_700_000),
    "a part of 2.7 MB": (MULTIPART, multipart("x" * 2_700_000)),
    "101 files": (MULTIPART, multipart(*101 * ["x"], filename="f")),
    "no boundary": ("multipart/form-data", multipart("x")),
    "an empty boundary": ("multipart/form-data; boundary=", multipart("x")),
    "no end": (MULTIPART, multipart("x")[:-9]),
    "no base64 at all": (
        MULTIPART,
        multipart("*").replace(
            "\r\n\r\n", "\r\nContent-Transfer-Encoding: base64\r\n\r\n"
        ),
    ),
    "a NUL byte": (FORM, "a=%00&%00=b"),
    "JSON": ("application/json", "{"),
}


@pytest.mark.parametrize("cookie", [None, COOKIE, "Cookie: __Host-csrftoken=x"])
@pytest.mark.parametrize("path", ["/no-such-page", "/admin/login/"])
@pytest.mark.parametrize("body", BODIES)
def test_a_body_that_django_refuses_is_no_error_of_the_site(dyno, body, path, cookie):
    kind, text = BODIES[body]
    headers = [f"Content-Type: {kind}", REFERER, *filter(None, [cookie])]
    answer = ask(dyno, f"POST {path}", *headers, body=text)
    assert answer.status in (400, 403, 404, 413)
    is_ours(answer)


def memory(dyno):
    """Return the memory of a dyno's processes in MB, what they share counted once."""
    total = 0
    for pid in (dyno.process.pid, *children(dyno)):
        with contextlib.suppress(OSError):  # it has just ended
            rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
            total += int(re.search(r"^Pss: +(\d+)", rollup, re.MULTILINE)[1])
    return total // 1024


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (FORM, 866_000 * "%41"),
        (FORM, 166_000 * "%41"),
        (FORM, 166_000 * "&%41"),
        (FORM, 1_000 * ("a=" + 169 * "%41" + "&")),
        (MULTIPART, multipart("x" * 9_000_000)),
        (MULTIPART, multipart(*900 * ["x" * 500])),
        (MULTIPART, multipart(*90 * ["x" * 100_000], filename="f")),
        (MULTIPART, multipart(*2 * ["x" * 2_400_000], filename="f")),
    ],
    ids=[
        "2.6 MB",
        "500 kB",
        "names",
        "fields",
        "a part",
        "parts",
        "files",
        "in memory",
    ],
)
def test_what_a_stranger_posts_does_not_fill_the_memory(
    rehearsed, database, kind, text
):
    headers = [f"Content-Type: {kind}", COOKIE, REFERER, "Connection: close"]
    headers.append(f"Content-Length: {len(text)}")
    sent = request("POST /admin/login/ HTTP/1.1", *headers, body=text)
    with heroku.Dyno(rehearsed[0], database) as dyno, ThreadPoolExecutor(30) as pool:
        before = most = memory(dyno)
        answers = [pool.submit(talk, dyno, sent, 60) for _ in range(30)]
        while not all(answer.done() for answer in answers):
            most = max(most, memory(dyno))
            time.sleep(0.01)
        assert most < 300
        statuses = {answer.result()[9:12] for answer in answers}
        print(f"from {before} to {most} MB, {statuses}")
        assert statuses <= {b"400", b"403", b"413", b"503"}
        assert "Traceback" not in dyno.log


@pytest.mark.parametrize(
    "sent",
    [
        request(f"GET /?token={SECRET}\xff HTTP/1.1"),
        request(f"GET /?token={SECRET} x HTTP/1.1"),
        request(f"GET /?token={SECRET}\x01 HTTP/1.1"),
        request(f"GET /?token={SECRET} HTTP/9.9"),
        request(f"GET /?{9_000 * 'x'}{SECRET} HTTP/1.1"),
        request(f"get /?token={SECRET} HTTP/1.1"),
        request(f"GET /?token={SECRET} HTTP/1.1", host="evil.example.com"),
        request(f"GET /?token={SECRET}%00 HTTP/1.1"),
        request(f"GET /?token={SECRET}#%00 HTTP/1.1"),
        request(f"GET http://[?token={SECRET} HTTP/1.1"),
        request("GET / HTTP/1.1", f"Authorization Bearer {SECRET}"),
        request("GET / HTTP/1.1", f"Authorization : Bearer {SECRET}"),
        request("GET / HTTP/1.1", f"Authorization: Bearer\0{SECRET}"),
        request("GET / HTTP/1.1", f"Cookie: a\r\n {SECRET}"),
        request("GET / HTTP/1.1", f"X: {9_000 * 'x'}{SECRET}"),
        request("POST / HTTP/1.1", f"Content-Length: {SECRET}"),
        request("POST / HTTP/1.1", f"Transfer-Encoding: {SECRET}"),
        request("POST / HTTP/1.1", "Transfer-Encoding: chunked", body=f"{SECRET}\r\n"),
        request("GET / HTTP/1.1", f"Expect: {SECRET}"),
        request("GET / HTTP/1.1", f"X-Forwarded-Proto: {SECRET}"),
        request("GET / HTTP/1.1", f"Content-Type: text/plain; charset={SECRET}"),
        request("GET / HTTP/1.1", f"Cookie: __Host-sessionid={SECRET}\\000"),
        request("GET / HTTP/1.1", f"X-Request-Id: {SECRET}-{SECRET}-{SECRET}!"),
    ],
)
def test_a_refused_request_leaves_no_secret_in_the_log(refusing, sent):
    talk(refusing, sent + NEXT)
    marker = uuid.uuid4()
    talk(refusing, request(f"GET /{marker} HTTP/1.1", "Connection: close"))
    parts.wait_until(lambda: f"path=/{marker}" in refusing.log)
    assert SECRET not in refusing.log


@pytest.fixture(scope="module", params=["INFO", "DEBUG"])
def refusing(slug, secret_key, request):
    """A web dyno without a database, at two levels of its log."""
    config_vars = {"DJANGO_SECRET_KEY": secret_key, "DJANGO_LOG_LEVEL": request.param}
    with heroku.Dyno(slug, config_vars) as dyno:
        yield dyno


@pytest.mark.parametrize(
    "header",
    [
        f"Referer: https://evil.example.com/?token={SECRET}",
        f"Referer: https://evil.example.com/{SECRET}",
        f"Referer: https://user:{SECRET}@evil.example.com/",
        f"Referer: https://evil.example.com/ a#{SECRET}",
        f"Referer: {SECRET}",
        f"Origin: {SECRET}",
        f"Origin: https://evil.example.com/?a={SECRET}",
        f"Origin: https://evil.example.com does not match {SECRET} does not match",
        f"Cookie: __Host-csrftoken={SECRET}",
        f"X-CSRFToken: {SECRET}",
    ],
)
def test_a_csrf_failure_leaves_no_header_in_the_log(dyno, header):
    kind = f"Content-Type: {FORM}"
    headers = [kind, header] if "Cookie" in header else [kind, header, COOKIE]
    body = f"csrfmiddlewaretoken={SECRET}"
    answer = ask(dyno, f"POST /admin/login/?next={SECRET}", *headers, body=body)
    assert answer.status == 403
    is_ours(answer)
    assert SECRET not in dyno.log


def form(**fields):
    """Return the body of a form that passes the CSRF check."""
    pairs = {"csrfmiddlewaretoken": TOKEN} | fields
    return "&".join(f"{name}={quote(value)}" for name, value in pairs.items())


def log_in(dyno, **fields):
    """Send the log-in form."""
    headers = [f"Content-Type: {FORM}", COOKIE, REFERER]
    return ask(dyno, "POST /admin/login/", *headers, body=form(**fields))


def test_a_read_only_database_is_a_503(rehearsed, database, postgres):
    slug = rehearsed[0]
    owner = {
        "DJANGO_SUPERUSER_USERNAME": "ada",
        "DJANGO_SUPERUSER_EMAIL": "ada@example.com",
        "DJANGO_SUPERUSER_PASSWORD": "a-password-for-ada",
    }
    create = "python manage.py createsuperuser --noinput"
    heroku.run(slug, database, create, **owner)
    read_only = "ALTER DATABASE hostile SET default_transaction_read_only = {}"
    postgres.psql(read_only.format("on"))
    try:
        with heroku.Dyno(slug, database) as dyno:
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
    "INSERT INTO no_such_table VALUES (1)",
    "UPDATE mysite_user SET no_such_column = 1",
    "INSERT INTO mysite_user (no_such_column) VALUES (1)",
    "DELETE FROM no_such_table",
]


@pytest.fixture(scope="module")
def on_sqlite(rehearsed, tmp_path_factory):
    """The site on a server of its own, with an SQLite file."""
    slug, config_vars = rehearsed
    path = tmp_path_factory.mktemp("sqlite") / "db.sqlite3"
    more = {"DATABASE_URL": f"sqlite:///{path}", "DJANGO_ALLOWED_HOSTS": HOST}
    command = "env -u DYNO {}"
    migrate = command.format("python manage.py release")
    heroku.run(slug, config_vars | more, migrate)
    web = command.format("gunicorn")
    with heroku.Dyno(slug, config_vars | more, command=web) as dyno:
        yield dyno


@pytest.mark.parametrize("query", MISSING)
@pytest.mark.parametrize("place", ["dyno", "on_sqlite"])
def test_a_missing_table_or_column_is_a_500_that_names_the_commands(
    request_fixture, place, query
):
    answer = ask(request_fixture(place), f"GET /rehearsal/sql?query={quote(query)}")
    assert answer.status == 500
    assert "retry-after" not in answer.headers
    assert "Something went wrong" in answer.text
    log = "".join(answer.log)
    assert "Fix: python manage.py makemigrations" in log and "manage.py release" in log


@pytest.fixture
def request_fixture(request):
    """Return a fixture by its name: `request` is what is sent, elsewhere here."""
    return request.getfixturevalue


@contextlib.contextmanager
def a_listener_that_never_answers():
    """Accept connections, and say nothing; yield the port."""
    with socket.create_server(("127.0.0.1", 0), backlog=200) as listener:
        accepted, over = [], threading.Event()
        listener.settimeout(0.1)

        def accept():
            while not over.is_set():
                with contextlib.suppress(TimeoutError):
                    accepted.append(listener.accept()[0])

        thread = threading.Thread(target=accept)
        thread.start()
        yield listener.getsockname()[1]
        over.set()
        thread.join()
        for client in accepted:
            client.close()


@pytest.fixture(scope="module")
def hanging(rehearsed):
    """A web dyno whose database accepts connections and never answers."""
    slug, config_vars = rehearsed
    with a_listener_that_never_answers() as port:
        url = f"postgres://dyno:{parts.PASSWORD}@127.0.0.1:{port}/none"
        with heroku.Dyno(slug, config_vars | {"DATABASE_URL": url}) as dyno:
            yield dyno


def timed(client, path):
    """Return the status of an answer and its seconds."""
    started = time.monotonic()
    answer = client.get(path)
    return answer.status, time.monotonic() - started


def test_ready_says_within_seven_seconds_that_the_database_hangs(hanging):
    """psycopg_pool tries twice to connect, for database.TIME_OUTS each."""
    for _ in range(3):
        status, seconds = timed(heroku.Client(hanging.port), "/ready")
        assert status == 503 and seconds < 7.5
        time.sleep(5)  # until it is asked again


def test_twelve_open_first_pages_do_not_silence_the_others(hanging):
    over, seen = threading.Event(), []

    def look():
        client = heroku.Client(hanging.port)
        while not over.is_set():
            client.get("/")
            seen.append(client.get("/ready").status)
            over.wait(1)

    pages = [threading.Thread(target=look) for _ in range(12)]
    for page in pages:
        page.start()
    try:
        time.sleep(6)
        style = re.search('"(/static/site[^"]+)"', home(hanging))[1]
        for _ in range(20):
            for path in ("/up", style):
                status, seconds = timed(heroku.Client(hanging.port), path)
                assert status == 200 and seconds < 1
            time.sleep(0.2)
    finally:
        over.set()
        for page in pages:
            page.join()
    assert len(seen) >= 24 and {*seen} == {503}


def home(dyno):
    return heroku.Client(dyno.port).get("/").text


def test_the_log_of_an_outage_has_one_traceback_a_minute_and_process(rehearsed):
    slug, config_vars = rehearsed
    url = f"postgres://dyno:{parts.PASSWORD}@127.0.0.1:{parts.free_port()}/none"
    with heroku.Dyno(slug, config_vars | {"DATABASE_URL": url}) as dyno:
        parts.wait_until(lambda: "Cannot tell whether migrations" in dyno.log)
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
