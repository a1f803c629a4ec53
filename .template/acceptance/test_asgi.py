"""The ASGI application runs on a server for ASGI, as mysite/asgi.py says."""

import json
import re
import shutil
import sysconfig

import heroku
import pytest
from parts import wait_until

SECURITY = '    "django.middleware.security.SecurityMiddleware",\n'
WHITENOISE = '    "whitenoise.middleware.WhiteNoiseMiddleware",\n'
UVICORN = (
    "python -m uvicorn --port $PORT --forwarded-allow-ips 127.0.0.1"
    " mysite.asgi:application"
)
OWNER = {
    "DJANGO_SUPERUSER_USERNAME": "root",
    "DJANGO_SUPERUSER_EMAIL": "root@example.com",
    "DJANGO_SUPERUSER_PASSWORD": "a-password-for-root",
}


@pytest.fixture(scope="module")
def client(slug, tmp_path_factory, postgres, secret_key):
    """A client of the site, with WhiteNoise's middleware, on uvicorn."""
    folder = tmp_path_factory.mktemp("asgi") / "slug"
    shutil.copytree(slug, folder, symlinks=True)
    settings = folder / "mysite/settings.py"
    text = settings.read_text()
    assert SECURITY in text
    settings.write_text(text.replace(SECURITY, SECURITY + WHITENOISE))
    config_vars = {
        "DJANGO_SECRET_KEY": secret_key,
        "DATABASE_URL": postgres.create("asgi"),
        "EMAIL_URL": "smtp://user:password@127.0.0.1:1",
    }
    heroku.release(folder, config_vars)
    create = "python manage.py createsuperuser --noinput"
    heroku.run(folder, config_vars, create, **OWNER)
    workshop = {"PYTHONPATH": sysconfig.get_path("purelib")}
    dyno = heroku.Dyno(folder, config_vars, command=UVICORN, **workshop)
    try:
        wait_until(lambda: "startup complete" in dyno.log, 60)
        yield heroku.Client(dyno.port)
    finally:
        dyno.__exit__()


def test_a_page_has_the_headers_that_it_has_under_gunicorn(client):
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
