"""Each check reports nothing of a sound site, and its id where one is broken."""

import socket
import time
from operator import methodcaller as do
from pathlib import Path

import pytest
from sites import FILES, found, tag

from dyno import asgi, checks, database, wsgi

PUBLIC = "django-insecure-" + "0123456789" * 9
SQLITE = {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}
MIGRATE = "release: python manage.py migrate\nweb: gunicorn\n"
PASSWORD = "sw0rdfish"
URL = f"postgres://u:{PASSWORD}"
BROKEN = {
    "the key is Django's": ("E001", do("env", DJANGO_SECRET_KEY=PUBLIC)),
    "the key is short": ("E001", do("env", DJANGO_SECRET_KEY="a1b2c3d4e5" * 4)),
    "the key is uniform": ("E001", do("env", DJANGO_SECRET_KEY="ab" * 40)),
    "a dyno has development's settings": ("E002", do("setting", LOCAL=True)),
    "debug is on": ("E002", do("setting", DEBUG=True)),
    "no host is allowed": ("E003", do("setting", ALLOWED_HOSTS=[])),
    "a host is a URL": ("E003", do("setting", ALLOWED_HOSTS=["https://example.com"])),
    "a password has a #": ("E004", do("urls", DATABASE_URL=f"{URL}#@h/d")),
    "a password is no UTF-8": ("E004", do("urls", DATABASE_URL=f"{URL}\udcff@h/d")),
    "a URL names no database": ("E004", do("urls", DATABASE_URL=f"{URL}@h")),
    "an option is unknown": ("E004", do("urls", DATABASE_URL=f"{URL}@h/d?a=true")),
    "a pooler's is no URL": ("E004", do("urls", DATABASE_CONNECTION_POOL_URL=PASSWORD)),
    "no database is named off Heroku": ("E006", do("off_heroku_without_database")),
    "the database is a file": ("E007", do("connections", default=SQLITE)),
    "any host is allowed": ("W038", do("setting", ALLOWED_HOSTS=["*"])),
    "the CDN has no scheme": ("E040", do("env", DJANGO_STATIC_HOST="cdn.example.com")),
    "a limit is no number": ("E040", do("env", DATABASE_POOL_SIZE="twenty")),
    "workers are an empty number": ("E040", do("env", WEB_CONCURRENCY="")),
    "there is no thread": ("E040", do("env", WEB_THREADS="0")),
    "admins are no list": ("E040", do("env", DJANGO_ADMINS="a@b.c; d@e.f")),
    "a time-out has no unit": ("E040", do("env", DATABASE_STATEMENT_TIMEOUT="5foo")),
    "TLS is off": ("E009", do("postgresql", OPTIONS={"sslmode": "disable"})),
    "TLS is optional off Heroku": ("E009", do("off_heroku", "prefer")),
    "nobody verifies the server": ("W047", do("off_heroku", "require")),
    "secrets are deployed": ("E029", do("file", ".env", "PASSWORD=1")),
    "secrets are committed": ("E029", do("commit", ".env.production")),
    "a second cache has a retry": ("E013", do("redis", "redis://h?retry=3", "pages")),
    "there is no mail server": ("W014", do("no_mail")),
    "uploads stay on the disk": ("E015", do("uploads", f"{FILES}.FileSystemStorage")),
    "the library of the pool is missing": ("W041", do("no_psycopg_pool")),
    "threads keep connections": ("W041", do("postgresql", CONN_MAX_AGE=600)),
    "the Procfile is missing": ("E025", do("file", "Procfile")),
    "the release only migrates": ("W044", do("file", "Procfile", MIGRATE)),
    "no error page is named": ("W045", do("setting", ROOT_URLCONF="dyno.views")),
    "a program is missing": ("E026", do("file", "Procfile", "web: daphne shop.asgi")),
    "nothing was collected": ("E030", do("setting", STATIC_ROOT=Path("/nosuch"))),
    "a page extends no template": ("E031", do("page", "extends 'nosuch.html'")),
    "a part includes no template": ("E031", do("page", "if a", "include 'b'", "endif")),
    "a page does not compile": ("E032", do("page", "endif")),
    "a mail does not compile": ("E032", do("file", "templates/a.txt", tag("endif"))),
    "a feed does not compile": ("E032", do("file", "templates/a.xml", tag("endif"))),
    "a page is not in UTF-8": ("E032", do("file", "templates/a.html", "é")),
    "a script is refused": ("W042", do("file", "templates/a.html", "<p onclick=a>")),
}


@pytest.mark.parametrize(("code", "change"), BROKEN.values(), ids=BROKEN)
def test_a_check_reports_that(site, code, change):
    change(site)
    [problem] = found().values()
    assert problem.id == f"deploy.{code}"
    assert problem.hint.startswith("Fix: ")
    assert problem.hint.endswith(f"(docs/errors.md#{code.lower()})")
    assert PASSWORD not in str(problem)


MORE = "release: python manage.py release && python manage.py migrate shop\n"
HOSTS = "postgres://u:p@one.example.com,two.example.com/name?pool=true"
OPTIONS = "postgres://u:p ss@h/name?isolation_level=2&assume_role=a"
REDIS = "rediss://:p%40ss@127.0.0.1:1/99?ssl_cert_reqs=none&socket_timeout=1.5"
SOUND = {
    "development needs no secrets": do("development"),
    "an example of secrets": do("file", ".env.example", "PASSWORD="),
    "a template of secrets": do("file", "template.env", "PASSWORD="),
    "a private network needs no TLS": do("off_heroku", "disable"),
    "a release does more": do("file", "Procfile", f"{MORE}web: gunicorn\n"),
    "a number is empty": do("env", DATABASE_POOL_SIZE=""),
    "a database has two hosts": do("urls", DATABASE_URL=HOSTS),
    "a database has options": do("urls", DATABASE_URL=OPTIONS),
    "Redis is away": do("redis", REDIS),
    "documentation is no template": do("file", "templates/docs/tags.md", tag("endif")),
    "Jinja2 has its own templates": do("file", "templates/jinja2/a.html", tag("set a")),
    "a template in a variable is not known": do("page", "include name"),
    "a template's name is put together": do("page", "include 'icons/'|add:name"),
}


@pytest.mark.parametrize("change", SOUND.values(), ids=SOUND)
def test_nothing_is_reported_where(site, change):
    change(site)
    assert found() == {}


def test_the_database_whose_url_is_wrong_is_named(site):
    unusable = database.parse("nonsense")
    site.connections(default=database.parse(HOSTS), orders=unusable)
    assert "the database orders uses" in found()["deploy.E004"].msg


def test_no_database_is_asked_nor_a_pool_waited_for(site):
    pool = {"timeout": 9, "reconnect_timeout": 9}
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0)
        address = {"HOST": "127.0.0.1", "PORT": server.getsockname()[1]}
        site.postgresql(OPTIONS={"pool": pool}, **address)
        begin = time.monotonic()
        assert found() == {}
        assert time.monotonic() - begin < 5
        with pytest.raises(BlockingIOError):
            server.accept()


def test_a_server_refuses_to_start_and_names_every_problem_at_once(site):
    site.urls(DJANGO_SECRET_KEY="", DATABASE_URL="")
    with pytest.raises(SystemExit) as refusal:
        wsgi.get_wsgi_application()
    assert "deploy.E001" in refusal.value.code
    assert "deploy.E004" in refusal.value.code
    assert "DJANGO_LOCAL" not in refusal.value.code
    site.monkeypatch.delenv("DYNO")
    with pytest.raises(SystemExit, match="on this machine: export DJANGO_LOCAL=1"):
        asgi.get_asgi_application()


def test_a_warning_or_a_silenced_error_does_not_keep_a_server_from_starting(site):
    site.setting(ALLOWED_HOSTS=["*"])
    checks.refuse_to_boot()
    site.setting(ALLOWED_HOSTS=[], SILENCED_SYSTEM_CHECKS=["deploy.E003"])
    checks.refuse_to_boot()
