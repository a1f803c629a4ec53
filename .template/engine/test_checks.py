"""Each check reports nothing of a sound site, and its id where one is broken."""

import socket
import time
from operator import methodcaller as do
from pathlib import Path

import pytest
from sites import FILES, found, tag

from dyno import checks

BROKEN = {
    "the key is missing": ("E001", do("without", "DJANGO_SECRET_KEY")),
    "the key is empty": ("E001", do("env", DJANGO_SECRET_KEY="")),
    "the key is Django's": (
        "E001",
        do("env", DJANGO_SECRET_KEY="django-insecure-" * 9),
    ),
    "the key is short": ("E001", do("env", DJANGO_SECRET_KEY="a1b2c3d4e5" * 4)),
    "the key is uniform": ("E001", do("env", DJANGO_SECRET_KEY="ab" * 40)),
    "a dyno has development's settings": ("E002", do("setting", LOCAL=True)),
    "debug is on": ("E002", do("setting", DEBUG=True)),
    "no host is allowed": ("E003", do("setting", ALLOWED_HOSTS=[])),
    "a host is a URL": ("E003", do("setting", ALLOWED_HOSTS=["https://example.com"])),
    "a host is not ASCII": ("E003", do("setting", ALLOWED_HOSTS=["münchen.de"])),
    "a host has a port": ("E003", do("setting", ALLOWED_HOSTS=["example.com:8000"])),
    "a host has an underscore": ("E003", do("setting", ALLOWED_HOSTS=["a_b.c.com"])),
    "no database is named off Heroku": ("E006", do("off_heroku", "DATABASE_URL")),
    "the database is a file": ("E007", do("database", "sqlite3")),
    "neither a key nor a database is set": ("W037", do("first_push")),
    "any host is allowed": ("W038", do("setting", ALLOWED_HOSTS=["*"])),
    "a sender is no address": ("E039", do("env", EMAIL_FROM="me")),
    "a sender has two dots": ("E039", do("env", EMAIL_FROM="a@b..com")),
    "an admin is no address": ("E039", do("env", DJANGO_ADMINS="a@example.com, b@c")),
    "semicolons separate admins": ("E039", do("env", DJANGO_ADMINS="a@b.com;b@b.com")),
    "the CDN has no scheme": ("E040", do("env", DJANGO_STATIC_HOST="cdn.example.com")),
    "the CDN has a path": ("E040", do("env", DJANGO_STATIC_HOST="https://a.b/c")),
    "a limit is no number": ("E040", do("env", DATABASE_POOL_SIZE="twenty")),
    "workers are no number": ("E040", do("env", WEB_CONCURRENCY="auto")),
    "workers are an empty number": ("E040", do("env", WEB_CONCURRENCY="")),
    "threads are no number": ("E040", do("env", WEB_THREADS="many")),
    "a time-out has no unit": ("E040", do("env", DATABASE_STATEMENT_TIMEOUT="5foo")),
    "TLS is off": ("E009", do("database", sslmode="disable")),
    "TLS is optional": ("E009", do("database", sslmode="prefer")),
    "TLS is optional off Heroku": ("E009", do("without_tls_off_heroku", "prefer")),
    "nobody verifies the server": ("W047", do("without_tls_off_heroku", "require")),
    "secrets are deployed": ("E029", do("file", ".env", "PASSWORD=1")),
    "secrets of an environment": ("E029", do("file", "production.env", "PASSWORD=1")),
    "secrets are committed": ("E029", do("commit", ".env.production")),
    "the mail server is no URL": ("E012", do("mail", "mail.example.com")),
    "mail's password breaks its URL": ("E012", do("mail", "smtp://u:1#@h")),
    "Redis is no URL": ("E013", do("redis", "http://example.com")),
    "Redis has an unknown option": ("E013", do("redis", "redis://h:1?nosuch=1")),
    "Redis has a retry": ("E013", do("redis", "redis://h:1?retry=3")),
    "Redis has a database without a number": ("E013", do("redis", "redis://h?db=one")),
    "a second cache is no URL": ("E013", do("redis", "h:1", alias="pages")),
    "there is no mail server": ("W014", do("no_mail")),
    "uploads go to the dyno's disk": (
        "E015",
        do("uploads", f"{FILES}.FileSystemStorage"),
    ),
    "a bucket lacks its library": ("E016", do("bucket")),
    "the library of the pool is missing": ("W041", do("no_psycopg_pool")),
    "threads keep connections": ("W041", do("kept_connections")),
    "the Procfile is missing": ("E025", do("file", "Procfile")),
    "no process is called web": ("E025", do("file", "Procfile", "www: gunicorn\n")),
    "web is runserver": (
        "E025",
        do("file", "Procfile", "web: python manage.py runserver 0.0.0.0:$PORT"),
    ),
    "the session is for subdomains too": (
        "E043",
        do("setting", SESSION_COOKIE_DOMAIN="a.com", SESSION_COOKIE_NAME="__Host-s"),
    ),
    "forms are for a part of the site": (
        "E043",
        do("setting", CSRF_COOKIE_PATH="/shop", CSRF_COOKIE_NAME="__Host-c"),
    ),
    "the release only migrates": (
        "W044",
        do("file", "Procfile", "release: python manage.py migrate\nweb: gunicorn\n"),
    ),
    "a 503 has no page": (
        "W045",
        do("handlers", "handler400", "handler403", "handler404"),
    ),
    "the URLs are pasted": ("W045", do("handlers")),
    "a log is a file": ("W046", do("log_file", "site.log")),
    "web is a program that is not installed": (
        "E026",
        do("file", "Procfile", "web: daphne shop.asgi:application"),
    ),
    "web starts gunicorn by a program that is not installed": (
        "E026",
        do("file", "Procfile", "web: newrelic-admin run-program gunicorn"),
    ),
    "a second database's URL is not one": ("E004", do("second", "nonsense")),
    "a second database has a wrong option": (
        "E004",
        do("second", "postgres://u:p@h/d?connect_timeout=5s"),
    ),
    "nothing was collected": ("E030", do("setting", STATIC_ROOT=Path("/nosuch"))),
    "a static file is newer than the manifest": ("E030", do("collect", age=1e9)),
    "a static file is not in the manifest": (
        "E031",
        do("collect", leave="admin/css/base.css"),
    ),
    "a page names no static file": (
        "E031",
        do("page", "load static", "static 'nosuch.css'"),
    ),
    "a page includes no template": ("E031", do("page", "include 'nosuch.html'")),
    "a page extends no template": ("E031", do("page", "extends 'nosuch.html'")),
    "a page does not compile": ("E032", do("page", "endif")),
    "a page loads no library": ("E032", do("page", "load nosuch")),
    "a page hides that of an app": ("W048", do("app_page", "page.html")),
    "a page in a folder includes no template beside it": (
        "E031",
        do("template", "shop/page.html", tag("include './nosuch.html'")),
    ),
    "a page includes no template if": (
        "E031",
        do("page", "if a", "else", "include 'nosuch.html'", "endif"),
    ),
    "a page includes no template in what it overrides": (
        "E031",
        do("page", "extends 'admin/base.html'", "block a", "include 'n'", "endblock"),
    ),
    "a page names no static file for later": (
        "E031",
        do("page", "load static", "static 'nosuch.css' as address"),
    ),
    "a page includes no part of another": ("E031", do("page", "include 'page.html#a'")),
    "an email does not compile": ("E032", do("template", "mail.txt", tag("endif"))),
    "a feed does not compile": ("E032", do("template", "feed.xml", tag("endif"))),
    "a page is not in UTF-8": ("E032", do("latin")),
    "the policy refuses a script": ("W042", do("template", "a.html", "<p onclick=a>")),
}


@pytest.mark.parametrize(("codes", "change"), BROKEN.values(), ids=BROKEN)
def test_a_check_reports_that(site, codes, change):
    change(site)
    problems = found()
    assert {*problems} == {f"deploy.{code}" for code in codes.split()}
    for code in codes.split():
        hint = problems[f"deploy.{code}"].hint
        assert hint.startswith("Fix: ")
        assert hint.endswith(f"(docs/errors.md#{code.lower()})")


def test_nothing_is_reported_of_a_sound_site(site):
    assert found() == {}


SOUND = {
    "development needs no secrets": do("development"),
    "a page names a part of a file, and a folder": do(
        "page", "load static", "static 'site.css#part'", "static 'admin/'"
    ),
    "admins have names": do("env", DJANGO_ADMINS="Ann <a@b.com>, b@b.com"),
    "an admin has an apostrophe": do("env", DJANGO_ADMINS="o'brien@b.com"),
    "static files come from a CDN": do("env", DJANGO_STATIC_HOST="https://cdn.a.b"),
    "a host is an address": do("setting", ALLOWED_HOSTS=["[fd00::1]", "10.0.0.1"]),
    "an example of secrets": do("file", ".env.example", "PASSWORD="),
    "a private network needs no TLS": do("without_tls_off_heroku", "disable"),
    "a cookie without __Host- is for subdomains too": do(
        "setting", SESSION_COOKIE_DOMAIN="example.com", CSRF_COOKIE_PATH="/shop"
    ),
    "a release does more": do(
        "file",
        "Procfile",
        "release: python manage.py release && python manage.py migrate_stock\n"
        "web: gunicorn\n",
    ),
    "a release is a script": do(
        "file", "Procfile", "release: bin/deploy\nweb: gunicorn\n"
    ),
    "a log is a file that is no file": do("log_file", "/dev/stderr"),
    "numbers are empty": do("env", WEB_THREADS="", DATABASE_POOL_SIZE=""),
    "verify-full is stricter than require": do("database", sslmode="verify-full"),
    "a static file in a variable is not known": do(
        "page", "load static", "static name"
    ),
    "a page that includes another": do("page", "include 'admin/base.html'"),
    "a picture is no template": do("picture"),
    "a page of an app has a name of its own": do("app_page", "blog/page.html"),
    "documentation is no template": do("template", "docs/tags.md", tag("endif")),
    "Jinja2 has its own templates": do(
        "template", "jinja2/page.html", tag("set a = 1")
    ),
    "a page in a folder extends one beside it and includes one above": do(
        "template",
        "shop/page.html",
        tag("extends './page.html'".replace("./", "../"))
        + tag("include '../page.html'"),
    ),
    "a page extends another of its own name": do(
        "template", "admin/base.html", tag("extends 'admin/base.html'")
    ),
    "a comment names no template": do(
        "page", "comment", "include 'nosuch.html'", "static", "endcomment"
    ),
    "a page shows how to include a template": do(
        "page", "verbatim", "include 'nosuch.html'", "endverbatim"
    ),
    "a template in a variable is not known": do("page", "include name"),
    "a template is a variable with a default": do(
        "page", "include name|default:'nosuch.html'"
    ),
    "a template's name is put together": do("page", "include 'icons/'|add:name"),
    "a page includes a part of its own": do(
        "page", "partialdef a", "endpartialdef", "include 'page.html#a'"
    ),
}


@pytest.mark.parametrize("change", SOUND.values(), ids=SOUND)
def test_nothing_is_reported_where(site, change):
    change(site)
    assert found() == {}


PASSWORD = "sw0rdfish"
BAD_URLS = [
    "",
    PASSWORD,
    f"{PASSWORD}://h/d",
    f"postgres://u:{PASSWORD}#@h/d",
    f"postgres://u:{PASSWORD}/@h/d",
    f"postgres://u:{PASSWORD}?@h/d",
    f"postgres://u:{PASSWORD}[x@h/d",
    f"postgres://u:{PASSWORD}\udcff@h/d",
    f"postgres://u:{PASSWORD}@h\u2100/d",
    f"postgres://u:{PASSWORD}@h:99999/d",
    f"postgres://u:{PASSWORD}@h:port/d",
    f"postgres://u:{PASSWORD}@h",
    f"postgres://u:p@h/d?{PASSWORD}=true",
    f"postgres://u:p@h/d?connect_timeout={PASSWORD}",
    f"postgres://u:{PASSWORD}@h/d?connect_timeout=5s",
    f"postgres://u:{PASSWORD}@h/d?isolation_level=READ+COMMITTED",
    f"postgres://u:{PASSWORD}@h/d?pgbouncer=true",
    f"sqlite://{PASSWORD}[",
]


@pytest.mark.parametrize("url", BAD_URLS)
def test_a_database_url_that_cannot_be_used_is_explained_and_never_repeated(site, url):
    site.urls(DATABASE_URL=url)
    problems = found()
    assert set(problems) == {"deploy.E004"}
    assert problems["deploy.E004"].msg.startswith("DATABASE_URL is not a URL, ")
    assert PASSWORD not in str(problems)


@pytest.mark.parametrize(
    "url",
    [
        "postgres://user:p%40ss%23:word@db.example.com:5432/name?sslmode=require",
        "postgresql://user@[::1]:5432/name?application_name=shop&currentSchema=a",
        "postgres:///name",
        "postgres://u:p@one.example.com,two.example.com/name",
        "postgres://u:p ss@h/name?server_side_binding=true&prepare_threshold=5",
        "postgres://u:p@h/name?isolation_level=2&connect_timeout=5&assume_role=a",
        "postgres://u:p@h/name?target_session_attrs=prefer-standby&sslnegotiation=direct",
        "postgres://u:p@h/name?pool=true",
        "sqlite://:memory:",
        "sqlite:////tmp/file.sqlite3",
    ],
)
def test_a_sound_database_url_is_passed(site, url):
    site.urls(DATABASE_URL=url)
    assert found() == {}


def test_no_server_is_asked(site):
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0)
        port = server.getsockname()[1]
        site.urls(DATABASE_URL=f"postgres://u:p@127.0.0.1:{port}/name")
        site.redis(f"redis://127.0.0.1:{port}")
        assert found() == {}
        with pytest.raises(BlockingIOError):
            server.accept()


def test_a_pool_in_the_settings_is_not_waited_for(site):
    pool = {"timeout": 9, "reconnect_timeout": 9}
    site.engine("django.db.backends.postgresql", OPTIONS={"pool": pool})
    begin = time.monotonic()
    assert found() == {}
    assert time.monotonic() - begin < 5


def test_the_url_of_a_pooler_is_checked_too(site):
    site.urls(DATABASE_CONNECTION_POOL_URL="nonsense")
    assert "DATABASE_CONNECTION_POOL_URL is" in found()["deploy.E004"].msg


def test_a_second_database_is_named_by_its_alias(site):
    site.second("nonsense")
    assert "The URL of the database orders is" in found()["deploy.E004"].msg


@pytest.mark.parametrize(
    "url",
    [
        "rediss://:p%40ss@db.example.com:6380",
        "redis://user:p ss@[::1]:6379/0",
        "redis://h:1?timeout=5&socket_timeout=1.5&health_check_interval=30",
        "rediss://h:1?ssl_cert_reqs=none",
        # Only the server knows how many databases it has: /ready and the log tell.
        "redis://h:1/99",
        "redis://h:1?db=-1",
    ],
)
def test_a_sound_redis_url_is_passed(site, url):
    site.redis(url)
    assert found() == {}


def test_a_server_refuses_to_start_and_names_every_problem_at_once(site):
    site.urls(DJANGO_SECRET_KEY="", DATABASE_URL="")
    with pytest.raises(SystemExit) as refusal:
        checks.refuse_to_boot()
    assert "deploy.E001" in refusal.value.code
    assert "deploy.E004" in refusal.value.code
    assert "DJANGO_LOCAL" not in refusal.value.code
    site.without("DYNO")
    with pytest.raises(SystemExit, match="on this machine: export DJANGO_LOCAL=1"):
        checks.refuse_to_boot()


def test_a_check_that_is_silenced_does_not_keep_a_server_from_starting(site):
    site.setting(ALLOWED_HOSTS=[], SILENCED_SYSTEM_CHECKS=["deploy.E003"])
    checks.refuse_to_boot()


def test_a_hidden_page_is_named_with_that_which_hides_it(site):
    site.app_page("page.html")
    said = found()["deploy.W048"].msg
    assert said.startswith("templates/page.html hides blog/templates/page.html")
