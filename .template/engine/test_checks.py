"""Each check reports nothing of a sound site, and its id where one is broken."""

from operator import methodcaller as do
from pathlib import Path

import pytest
from sites import FILES, found, tag

from dyno import checks

PUBLIC = "django-insecure-" + "0123456789" * 9
RUNSERVER = "web: python manage.py runserver 0.0.0.0:$PORT"
SQLITE = {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}
MIGRATE = "release: python manage.py migrate\nweb: gunicorn\n"
BROKEN = {
    "the key is Django's": ("E001", do("env", DJANGO_SECRET_KEY=PUBLIC)),
    "the key is short": ("E001", do("env", DJANGO_SECRET_KEY="a1b2c3d4e5" * 4)),
    "the key is uniform": ("E001", do("env", DJANGO_SECRET_KEY="ab" * 40)),
    "a dyno has development's settings": ("E002", do("setting", LOCAL=True)),
    "debug is on": ("E002", do("setting", DEBUG=True)),
    "no host is allowed": ("E003", do("setting", ALLOWED_HOSTS=[])),
    "a host is a URL": ("E003", do("setting", ALLOWED_HOSTS=["https://example.com"])),
    "no database is named off Heroku": ("E006", do("off_heroku_without_database")),
    "the database is a file": ("E007", do("connections", default=SQLITE)),
    "any host is allowed": ("W038", do("setting", ALLOWED_HOSTS=["*"])),
    "the CDN has no scheme": ("E040", do("env", DJANGO_STATIC_HOST="cdn.example.com")),
    "a limit is no number": ("E040", do("env", DATABASE_POOL_SIZE="twenty")),
    "workers are an empty number": ("E040", do("env", WEB_CONCURRENCY="")),
    "a time-out has no unit": ("E040", do("env", DATABASE_STATEMENT_TIMEOUT="5foo")),
    "TLS is off": ("E009", do("postgresql", OPTIONS={"sslmode": "disable"})),
    "TLS is optional off Heroku": ("E009", do("off_heroku", "prefer")),
    "nobody verifies the server": ("W047", do("off_heroku", "require")),
    "secrets are deployed": ("E029", do("file", ".env", "PASSWORD=1")),
    "secrets are committed": ("E029", do("commit", ".env.production")),
    "the mail server is no URL": ("E012", do("mail", "mail.example.com")),
    "Redis is no URL": ("E013", do("redis", "http://example.com")),
    "a second cache has a retry": ("E013", do("redis", "redis://h?retry=3", "pages")),
    "there is no mail server": ("W014", do("no_mail")),
    "uploads stay on the disk": ("E015", do("uploads", f"{FILES}.FileSystemStorage")),
    "the library of the pool is missing": ("W041", do("no_psycopg_pool")),
    "threads keep connections": ("W041", do("postgresql", CONN_MAX_AGE=600)),
    "the Procfile is missing": ("E025", do("file", "Procfile")),
    "web is runserver": ("E025", do("file", "Procfile", RUNSERVER)),
    "the release only migrates": ("W044", do("file", "Procfile", MIGRATE)),
    "the URLs are pasted": ("W045", do("handlers", "handler400")),
    "a program is missing": ("E026", do("file", "Procfile", "web: daphne shop.asgi")),
    "nothing was collected": ("E030", do("setting", STATIC_ROOT=Path("/nosuch"))),
    "a static file is not collected": ("E031", do("collect", "admin/css/base.css")),
    "a page extends no template": ("E031", do("page", "extends 'nosuch.html'")),
    "a part includes no template": ("E031", do("page", "if a", "include 'b'", "endif")),
    "a page does not compile": ("E032", do("page", "endif")),
    "an email does not compile": (
        "E032",
        do("file", "templates/mail.txt", tag("endif")),
    ),
    "a feed does not compile": ("E032", do("file", "templates/feed.xml", tag("endif"))),
    "a page is not in UTF-8": ("E032", do("file", "templates/a.html", "é")),
    "the policy refuses a script": (
        "W042",
        do("file", "templates/a.html", "<p onclick=a>"),
    ),
}


@pytest.mark.parametrize(("code", "change"), BROKEN.values(), ids=BROKEN)
def test_a_check_reports_that(site, code, change):
    change(site)
    problems = found()
    assert {*problems} == {f"deploy.{code}"}
    hint = problems[f"deploy.{code}"].hint
    assert hint.startswith("Fix: ")
    assert hint.endswith(f"(docs/errors.md#{code.lower()})")


MORE = "release: python manage.py release && python manage.py migrate shop\n"
SOUND = {
    "development needs no secrets": do("development"),
    "an example of secrets": do("file", ".env.example", "PASSWORD="),
    "a private network needs no TLS": do("off_heroku", "disable"),
    "a release does more": do("file", "Procfile", f"{MORE}web: gunicorn\n"),
    "a number is empty": do("env", DATABASE_POOL_SIZE=""),
    "documentation is no template": do("file", "templates/docs/tags.md", tag("endif")),
    "Jinja2 has its own templates": do(
        "file", "templates/jinja2/a.html", tag("set a = 1")
    ),
    "a template in a variable is not known": do("page", "include name"),
    "a template's name is put together": do("page", "include 'icons/'|add:name"),
}


@pytest.mark.parametrize("change", SOUND.values(), ids=SOUND)
def test_nothing_is_reported_where(site, change):
    change(site)
    assert found() == {}


def test_a_server_refuses_to_start_and_names_every_problem_at_once(site):
    site.urls(DJANGO_SECRET_KEY="", DATABASE_URL="")
    with pytest.raises(SystemExit) as refusal:
        checks.refuse_to_boot()
    assert "deploy.E001" in refusal.value.code
    assert "deploy.E004" in refusal.value.code
    assert "DJANGO_LOCAL" not in refusal.value.code
    site.monkeypatch.delenv("DYNO")
    with pytest.raises(SystemExit, match="on this machine: export DJANGO_LOCAL=1"):
        checks.refuse_to_boot()


def test_a_warning_or_a_silenced_error_does_not_keep_a_server_from_starting(site):
    site.setting(ALLOWED_HOSTS=["*"])
    checks.refuse_to_boot()
    site.setting(ALLOWED_HOSTS=[], SILENCED_SYSTEM_CHECKS=["deploy.E003"])
    checks.refuse_to_boot()
