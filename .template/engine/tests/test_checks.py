"""Each check's two answers: nothing for a sound site, its id where that is broken."""

from operator import methodcaller as do
from pathlib import Path

import pytest

from mysite import checks
from mysite.checks import config_vars

from .sites import CONF, FILES, PACKAGE, REQUIREMENTS, found, gunicorn

LOCK = "gunicorn==27.0.1\npsycopg==3.3.9\nwhitenoise==6.12.0\n"
WEB = "web: gunicorn\n"
BROKEN = {
    "the key is missing": ("E001", do("without", "DJANGO_SECRET_KEY")),
    "the key is empty": ("E001", do("env", DJANGO_SECRET_KEY="")),
    "the key is Django's": (
        "E001",
        do("env", DJANGO_SECRET_KEY="django-insecure-" * 9),
    ),
    "the key is short": ("E001", do("env", DJANGO_SECRET_KEY="a1b2c3d4e5" * 4)),
    "the key is uniform": ("E001", do("env", DJANGO_SECRET_KEY="ab" * 40)),
    "a dyno has a laptop's settings": ("E002", do("setting", LOCAL=True)),
    "debug is on": ("E002", do("setting", DEBUG=True)),
    "debug is asked for": ("W035", do("env", DJANGO_DEBUG="1")),
    "debug is asked for by its old name": ("W035", do("env", DEBUG="TRUE")),
    "no host is allowed": ("E003", do("setting", ALLOWED_HOSTS=[])),
    "a host is a URL": ("E003", do("setting", ALLOWED_HOSTS=["https://example.com"])),
    "a host has a port": ("E003", do("setting", ALLOWED_HOSTS=["example.com:8000"])),
    "no database is attached": ("W005", do("without", "DATABASE_URL")),
    "no database is named off Heroku": ("E006", do("off_heroku", "DATABASE_URL")),
    "the database is a file": ("E007", do("database", "sqlite3")),
    "the driver is missing": ("E008", do("engine", "no.such.engine")),
    "TLS is off": ("E009", do("database", sslmode="disable")),
    "TLS is optional": ("E009", do("database", sslmode="prefer")),
    "the length of HSTS is no number": ("E010", do("env", DJANGO_HSTS_SECONDS="1y")),
    "there are no workers": ("E010", do("env", WEB_CONCURRENCY="0")),
    "the port is empty": ("E010", do("env", PORT="")),
    "the limit is none": ("E010", do("env", DATABASE_CONNECTION_LIMIT="lots")),
    "the log's level is unknown": ("E011", do("env", DJANGO_LOG_LEVEL="loud")),
    "the mail server is no URL": ("E012", do("env", EMAIL_URL="mail.example.com")),
    "mail's password breaks its URL": ("E012", do("env", EMAIL_URL="smtp://u:1#@h")),
    "mail's URL is not understood": ("E012", do("mailer", config_vars.NO_MAIL)),
    "Redis is no URL": ("E013", do("env", REDIS_URL="http://example.com")),
    "there is no mail server": ("W014", do("no_mail")),
    "uploads go to the dyno's disk": (
        "E015",
        do("uploads", f"{FILES}.FileSystemStorage"),
    ),
    "a bucket lacks its library": ("E016", do("bucket")),
    "each worker has its own cache": ("W017", do("cache", "locmem.LocMemCache")),
    "threads exceed the plan": ("E018", do("env", DATABASE_CONNECTION_LIMIT="14")),
    "gunicorn.conf.py cannot be run": ("E019", do("file", CONF, "workers = 1 / 0")),
    "keepalive is too short": ("E020", do("file", CONF, gunicorn(keepalive=60))),
    "gunicorn stops too late": (
        "E021",
        do("file", CONF, gunicorn(graceful_timeout=30)),
    ),
    "the two files name two Pythons": ("E022", do("file", "runtime.txt", "python-3.2")),
    "a file names no Python": ("E022", do("file", ".python-version", "latest")),
    "a proxy is a name": ("E036", do("env", FORWARDED_ALLOW_IPS="nginx")),
    "a proxy is half a network": ("E036", do("env", FORWARDED_ALLOW_IPS="10.0.0.5/8")),
    "another Python runs here": ("W023", do("python", "3.2")),
    "there is a second lock": ("E024", do("file", "uv.lock")),
    "there is a Pipfile": ("E024", do("file", "Pipfile")),
    "the Procfile is missing": ("E025", do("file", "Procfile")),
    "no process is called web": ("E025", do("file", "Procfile", "www: gunicorn\n")),
    "web is runserver": (
        "E025",
        do("file", "Procfile", "web: python manage.py runserver 0.0.0.0:$PORT"),
    ),
    "gunicorn is given no module": (
        "E026",
        do("file", "Procfile", "web: gunicorn -w ${W:-2} -k gthread nosuch.wsgi"),
    ),
    "a module lacks the name": (
        "E026",
        do("file", "Procfile", "web: uvicorn --host 0.0.0.0 os.path:nosuch"),
    ),
    "a process is no command": (
        "E026",
        do("file", "Procfile", WEB + "worker: python -u manage.py nosuch"),
    ),
    "a version is a range": ("E027", do("file", REQUIREMENTS, LOCK + "celery>=5")),
    "a version has a wildcard": (
        "E027",
        do("file", REQUIREMENTS, LOCK + "celery==5.*"),
    ),
    "no version is named": ("E027", do("file", REQUIREMENTS, LOCK + "celery[redis]")),
    "a branch is named": (
        "E027",
        do("file", REQUIREMENTS, LOCK + "a @ git+https://example.com/a@main"),
    ),
    "the test lock is no lock": ("E027", do("file", "requirements-test.txt", "pytest")),
    "a needed package is missing": (
        "E028",
        do("file", REQUIREMENTS, LOCK.replace("psycopg", "psychology")),
    ),
    "requirements.txt is missing": ("E028", do("file", REQUIREMENTS, "")),
    "a virtual environment is deployed": (
        "E029",
        do("file", "venv/pyvenv.cfg", "home"),
    ),
    "secrets are deployed": ("E029", do("file", ".env", "PASSWORD=1")),
    "secrets are committed": ("E029", do("commit", ".env")),
    "nothing was collected": ("E030", do("setting", STATIC_ROOT=Path("/nosuch"))),
    "a static file is newer than the manifest": ("E030", do("collect", age=1e9)),
    "a static file is not in the manifest": (
        "E030",
        do("collect", leave="admin/js/core.js"),
    ),
    "a page names no static file": (
        "E031",
        do("page", "load static", "static 'nosuch.css'"),
    ),
    "a page holds no file against its hash": ("E031", do("page", "integrity 'no.js'")),
    "a page includes no template": ("E031", do("page", "include 'nosuch.html'")),
    "a page extends no template": ("E031", do("page", "extends 'nosuch.html'")),
    "a page does not compile": ("E032", do("page", "endif")),
    "a page loads no library": ("E032", do("page", "load nosuch")),
}


@pytest.mark.parametrize(("code", "change"), BROKEN.values(), ids=BROKEN)
def test_it_is_told_that(site, code, change):
    change(site)
    assert set(found()) == {f"deploy.{code}"}


def test_a_sound_site_is_passed_without_a_word(site):
    assert found() == {}


SOUND = {
    "a laptop has no secrets": do("laptop"),
    "two proxies are trusted": do("env", FORWARDED_ALLOW_IPS="10.0.0.0/8, ::1"),
    "every proxy is trusted": do("env", FORWARDED_ALLOW_IPS="*"),
    "a page names a part of a file, and a folder": do(
        "page", "static 'admin/css/base.css#part'", "static 'admin/'"
    ),
    "an index is named": do("file", REQUIREMENTS, f"-i https://example.com\n{LOCK}"),
    "debug is off": do("env", DEBUG="False"),
    "a host is an address": do("setting", ALLOWED_HOSTS=["[fd00::1]", "10.0.0.1"]),
    "verify-full is stricter than require": do("database", sslmode="verify-full"),
    "the plan's limit is enough": do("env", DATABASE_CONNECTION_LIMIT="15"),
    "the server is named in the Procfile": do(
        "file", "Procfile", f"web: newrelic-admin gunicorn -k gthread {PACKAGE}.wsgi"
    ),
    "a commit is exact": do(
        "file", REQUIREMENTS, LOCK + f"a @ git+https://example.com/a@{'0' * 40}"
    ),
    "uv may be the only package manager": do("migrate_to", "uv.lock"),
    "git leaves the virtual environment out": do("leave_out", ".venv/pyvenv.cfg"),
    "a static file in a variable is not known": do(
        "page", "load static", "static name"
    ),
    "a page that includes another": do("page", "include 'admin/base.html'"),
    "a picture is no template": do("picture"),
}


@pytest.mark.parametrize("change", SOUND.values(), ids=SOUND)
def test_nothing_is_told_where(site, change):
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
    assert config_vars.database_url_problem(url) is None


def test_postgresqls_driver_is_no_cure_for_another_database(site):
    site.engine("no.such.engine")
    assert "psycopg" in found()["deploy.E008"].hint
    site.database("mysql")
    hint = found()["deploy.E008"].hint
    assert "psycopg" not in hint
    assert "DATABASE_URL=postgres://" in hint


def test_a_malformed_database_url_sells_no_cache(site):
    site.env(DATABASE_URL="nonsense")
    site.engine("django.db.backends.dummy")
    site.cache("locmem.LocMemCache")
    assert set(found()) == {"deploy.E004"}
    site.without("DATABASE_URL")
    assert set(found()) == {"deploy.W005", "deploy.W017"}


def test_a_server_refuses_to_start_and_says_everything_at_once(site):
    site.env(DJANGO_SECRET_KEY="", DATABASE_URL="")
    with pytest.raises(SystemExit) as refusal:
        checks.refuse_to_boot()
    assert "deploy.E001" in refusal.value.code
    assert "deploy.E004" in refusal.value.code
    assert "DJANGO_LOCAL" not in refusal.value.code
    site.setting(ON_HEROKU=False)
    with pytest.raises(SystemExit, match="On a laptop .* export DJANGO_LOCAL=1"):
        checks.refuse_to_boot()


def test_a_check_that_was_silenced_keeps_no_server_from_starting(site):
    site.setting(ALLOWED_HOSTS=[], SILENCED_SYSTEM_CHECKS=["deploy.E003"])
    checks.refuse_to_boot()
