"""Each check reports nothing of a sound site, and its id where one is broken."""

from operator import methodcaller as do
from pathlib import Path

import pytest
from sites import CONF, FILES, found, gunicorn

from dyno import checks
from dyno.checks import urls

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
    "debug is asked for": ("W035", do("env", DJANGO_DEBUG="1")),
    "debug is asked for by its old name": ("W035", do("env", DEBUG="TRUE")),
    "no host is allowed": ("E003", do("setting", ALLOWED_HOSTS=[])),
    "a host is a URL": ("E003", do("setting", ALLOWED_HOSTS=["https://example.com"])),
    "a host is not ASCII": ("E003", do("setting", ALLOWED_HOSTS=["münchen.de"])),
    "a host has a port": ("E003", do("setting", ALLOWED_HOSTS=["example.com:8000"])),
    "no database is attached": ("W005", do("without", "DATABASE_URL")),
    "no database is named off Heroku": ("E006", do("off_heroku", "DATABASE_URL")),
    "the database is a file": ("E007", do("database", "sqlite3")),
    "neither a key nor a database is set": ("W005 W037", do("first_push")),
    "any host is allowed": ("W038", do("setting", ALLOWED_HOSTS=["*"])),
    "a sender is no address": ("E039", do("env", EMAIL_FROM="me")),
    "there are two senders": ("E039", do("env", EMAIL_FROM="a@b.com, c@b.com")),
    "a sender is a link": ("E039", do("env", EMAIL_FROM="mailto:a@b.com")),
    "a sender has two dots": ("E039", do("env", EMAIL_FROM="a@b..com")),
    "an admin is no address": ("E039", do("env", DJANGO_ADMINS="a@example.com, b@c")),
    "semicolons separate admins": ("E039", do("env", DJANGO_ADMINS="a@b.com;b@b.com")),
    "the CDN has no scheme": ("E040", do("env", DJANGO_STATIC_HOST="cdn.example.com")),
    "the CDN has a path": ("E040", do("env", DJANGO_STATIC_HOST="https://a.b/c")),
    "a limit is no number": ("E040", do("env", DATABASE_CONNECTION_LIMIT="twenty")),
    "a time-out has no unit": ("E040", do("env", DATABASE_STATEMENT_TIMEOUT="5foo")),
    "fewer proxies than none": ("E040", do("env", DJANGO_TRUSTED_HOPS="-1")),
    "HSTS is negative": ("E040", do("env", DJANGO_HSTS_SECONDS="-5")),
    "TLS is off": ("E009", do("database", sslmode="disable")),
    "TLS is optional": ("E009", do("database", sslmode="prefer")),
    "the mail server is no URL": ("E012", do("env", EMAIL_URL="mail.example.com")),
    "mail's password breaks its URL": ("E012", do("env", EMAIL_URL="smtp://u:1#@h")),
    "mail's URL is not understood": ("E012", do("mailer", "dyno.mail.UnsentMail")),
    "Redis is no URL": ("E013", do("env", REDIS_URL="http://example.com")),
    "Redis has an unknown option": (
        "E013",
        do("env", REDIS_URL="redis://h:1?nosuch=1"),
    ),
    "there is no mail server": ("W014", do("no_mail")),
    "uploads go to the dyno's disk": (
        "E015",
        do("uploads", f"{FILES}.FileSystemStorage"),
    ),
    "a bucket lacks its library": ("E016", do("bucket")),
    "each worker has its own cache": ("W005 W017", do("own_caches")),
    "the pools exceed the plan": ("E018", do("env", DATABASE_CONNECTION_LIMIT="18")),
    "a larger pool exceeds the plan": (
        "E018",
        do("env", DATABASE_CONNECTION_LIMIT="20", DATABASE_POOL_SIZE="9"),
    ),
    "the library of the pool is missing": ("W041", do("no_psycopg_pool")),
    "threads keep connections": ("W041", do("kept_connections")),
    "keepalive is too short": ("E020", do("file", CONF, gunicorn(keepalive=60))),
    "gunicorn stops too late": (
        "E021",
        do("file", CONF, gunicorn(graceful_timeout=30)),
    ),
    "the two files name two Pythons": ("E022", do("file", "runtime.txt", "python-3.2")),
    "a file names no Python": ("E022", do("file", ".python-version", "latest")),
    "another Python runs here": ("W023", do("python", "3.2")),
    "the Procfile is missing": ("E025", do("file", "Procfile")),
    "no process is called web": ("E025", do("file", "Procfile", "www: gunicorn\n")),
    "web is runserver": (
        "E025",
        do("file", "Procfile", "web: python manage.py runserver 0.0.0.0:$PORT"),
    ),
    "gunicorn.conf.py cannot be run": ("E026", do("file", CONF, "workers = 1 / 0")),
    "gunicorn is given a wrong option": (
        "E026",
        do("file", "Procfile", "web: gunicorn --nosuch"),
    ),
    "gunicorn is given no module": (
        "E026",
        do("file", "Procfile", "web: gunicorn -w ${W:-2} -k gthread nosuch.wsgi"),
    ),
    "secrets are deployed": ("E029", do("file", ".env", "PASSWORD=1")),
    "secrets are committed": ("E029", do("commit", ".env")),
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
    "a page hides that of an app": ("W042", do("app_page", "page.html")),
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
    "the Procfile names another server": do("file", "Procfile", "web: uvicorn a:b"),
    "a pooler keeps to the plan's limit": do("pooler", DATABASE_CONNECTION_LIMIT="1"),
    "debug is off": do("env", DEBUG="False"),
    "a host is an address": do("setting", ALLOWED_HOSTS=["[fd00::1]", "10.0.0.1"]),
    "verify-full is stricter than require": do("database", sslmode="verify-full"),
    "the plan's limit is enough": do("env", DATABASE_CONNECTION_LIMIT="19"),
    "the server is named in the Procfile": do(
        "file", "Procfile", "web: newrelic-admin run-program gunicorn -k gthread app"
    ),
    "a static file in a variable is not known": do(
        "page", "load static", "static name"
    ),
    "a page that includes another": do("page", "include 'admin/base.html'"),
    "a picture is no template": do("picture"),
    "a page of an app has a name of its own": do("app_page", "blog/page.html"),
}


@pytest.mark.parametrize("change", SOUND.values(), ids=SOUND)
def test_nothing_is_reported_where(site, change):
    change(site)
    assert found() == {}


PASSWORD = "sw0rdfish"
URLS = {
    "": "is empty",
    PASSWORD: "is not a URL",
    f"{PASSWORD}://h/d": "unknown scheme",
    f"postgres://u:{PASSWORD}#@h/d": "escaped",
    f"postgres://u:{PASSWORD}/@h/d": "escaped",
    f"postgres://u:1/{PASSWORD}@h/d": "escaped",
    f"postgres://u:{PASSWORD}?@h/d": "escaped",
    f"postgres://u:{PASSWORD}@@h/d": "escaped",
    f"postgres://u:{PASSWORD}[x@h/d": "escaped",
    f"postgres://u:{PASSWORD}%ff@h/d": "escaped",
    f"postgres://u:{PASSWORD} @h/d": "escaped",
    f"postgres://u:{PASSWORD}\n@h/d": "escaped",
    f"postgres://u:{PASSWORD}\udcff@h/d": "escaped",
    f"postgres://u:{PASSWORD}@h\u2100/d": "escaped",
    f"postgres://u:{PASSWORD}@h:99999/d": "escaped",
    f"postgres://u:{PASSWORD}@h:port/d": "escaped",
    f"postgres://u:{PASSWORD}@h": "names no database",
    f"postgres://u:p@h/d?{PASSWORD}=true": "an option after its ?",
    f"postgres://u:p@h/d?sslmode={PASSWORD}": "none of disable, ",
    f"sqlite://{PASSWORD}[": "a path",
}


@pytest.mark.parametrize("url", URLS)
def test_a_malformed_database_url_is_explained_and_never_repeated(site, url):
    site.env(DATABASE_URL=url)
    message = str(found()["deploy.E004"])
    assert URLS[url] in message
    assert PASSWORD not in message


@pytest.mark.parametrize(
    "url",
    [
        "postgres://user:p%40ss%23:word@db.example.com:5432/name?sslmode=require",
        "postgresql://user@[::1]:5432/name?application_name=shop&currentSchema=a",
        "postgres:///name",
        "postgres:///name?server_side_binding=true&prepare_threshold=5",
        "sqlite://:memory:",
        "sqlite:////tmp/file.sqlite3",
        "sqlite://",
    ],
)
def test_a_sound_database_url_is_passed(url):
    assert urls.database_url_problem(url) is None


def test_a_malformed_database_url_is_not_taken_for_a_missing_one(site):
    site.env(DATABASE_URL="nonsense")
    site.engine("django.db.backends.dummy")
    site.cache("locmem.LocMemCache")
    assert set(found()) == {"deploy.E004"}


def test_the_url_of_a_pooler_is_checked_too(site):
    site.env(DATABASE_CONNECTION_POOL_URL="nonsense")
    assert "DATABASE_CONNECTION_POOL_URL is" in found()["deploy.E004"].msg


def test_gunicorns_figures_are_those_that_its_arguments_leave(site):
    site.env(GUNICORN_CMD_ARGS="--keep-alive 5 --graceful-timeout 60 --workers 13")
    site.env(DATABASE_CONNECTION_LIMIT="100")
    assert set(found()) == {"deploy.E018", "deploy.E020", "deploy.E021"}


def test_the_fix_for_too_many_connections_is_a_number_that_fits(site):
    site.env(DATABASE_CONNECTION_LIMIT="14")
    assert "DATABASE_POOL_SIZE=5," in found()["deploy.E018"].hint
    site.env(DATABASE_POOL_SIZE="5")
    assert found() == {}
    site.env(DATABASE_CONNECTION_LIMIT="4")
    assert "DATABASE_POOL_SIZE" not in found()["deploy.E018"].hint


def test_the_reason_why_the_web_process_does_not_start_is_reported(site):
    site.file(CONF, "workers = 1 / 0")
    assert "ZeroDivisionError" in found()["deploy.E026"].msg


def test_a_server_refuses_to_start_and_names_every_problem_at_once(site):
    site.env(DJANGO_SECRET_KEY="", DATABASE_URL="")
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
    said = found()["deploy.W042"].msg
    assert said.startswith("templates/page.html hides blog/templates/page.html")
