"""Each check's two answers: nothing for a sound site, its id where that is broken."""

import json
import os
import re
import subprocess
import sys
import time
from operator import methodcaller as do
from pathlib import Path

import pytest
from django.conf import settings as django_settings
from django.contrib.staticfiles import finders
from django.core.checks.registry import registry as django_registry
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder
from django.db.utils import ConnectionHandler
from django.utils.connection import ConnectionProxy

# urls and wsgi now, before a test changes the settings that they read as they load.
from mysite import checks, urls, wsgi  # noqa: F401
from mysite.checks import config_vars, registry, server

PACKAGE = checks.__name__.partition(".")[0]
BACKENDS = "django.core.cache.backends"
FILES = "django.core.files.storage"
MANIFEST = "staticfiles/staticfiles.json"
CONF, REQUIREMENTS = "gunicorn.conf.py", "requirements.txt"


def tag(text):
    """Return a template tag; here and not below, for `startproject` reads this file."""
    return "{" + f"% {text} %" + "}"


def gunicorn(workers=2, threads=3, keepalive=95, graceful_timeout=20):
    lines = (f"{name} = {value}" for name, value in locals().items())
    return "\n".join(lines) + f"\nwsgi_app = '{PACKAGE}.wsgi'\n"


class Site:
    """A sound site in production, which a test may then break."""

    def __init__(self, root, monkeypatch):
        self.root, self.monkeypatch = root, monkeypatch

    def env(self, **config_vars):
        for name, value in config_vars.items():
            self.monkeypatch.setenv(name, value)

    def without(self, name):
        self.monkeypatch.delenv(name)

    def setting(self, **values):
        for name, value in values.items():
            self.monkeypatch.setattr(django_settings, name, value)

    def laptop(self):
        self.without("DYNO")
        self.without("DJANGO_SECRET_KEY")
        self.without("DATABASE_URL")
        self.setting(LOCAL=True, STATIC_ROOT=Path("/nosuch"))
        self.uploads(f"{FILES}.FileSystemStorage")
        self.cache("locmem.LocMemCache")
        self.no_mail()

    def off_heroku(self, missing):
        self.without(missing)
        self.setting(ON_HEROKU=False)

    def engine(self, name):
        proxy = ConnectionProxy(
            ConnectionHandler({"default": {"ENGINE": name}}), "default"
        )
        for module in (config_vars, server):
            self.monkeypatch.setattr(module, "connection", proxy)

    def database(self, engine="postgresql", **options):
        default = {"ENGINE": f"django.db.backends.{engine}", "OPTIONS": options}
        default["HOST"] = "db.example.com"
        self.setting(DATABASES={"default": default})

    def no_mail(self):
        self.without("EMAIL_URL")
        self.mailer(config_vars.NO_MAIL)

    def mailer(self, backend):
        self.setting(MAILERS={"default": {"BACKEND": backend}})

    def cache(self, backend):
        self.setting(CACHES={"default": {"BACKEND": f"{BACKENDS}.{backend}"}})

    def uploads(self, backend):
        storages = django_settings.STORAGES | {"default": {"BACKEND": backend}}
        self.setting(STORAGES=storages)

    def bucket(self):
        self.env(BUCKETEER_BUCKET_NAME="name")
        self.uploads(f"{PACKAGE}.uploads.NoStorage")

    def file(self, name, text=""):
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def page(self, *tags):
        self.file("templates/page.html", "".join(map(tag, tags)))

    def picture(self):
        (self.root / "templates/picture.png").write_bytes(b"\x89PNG")

    def python(self, version):
        self.file("runtime.txt", f"python-{version}.1\n")
        self.file(".python-version", f"# Ours\n{version}\n")

    def migrate_to(self, lock):
        (self.root / REQUIREMENTS).unlink()
        self.file(lock, "version = 1")

    def commit(self, name):
        self.file(name)
        for arguments in (["init", "--quiet"], ["add", "."]):
            subprocess.run(["git", *arguments], cwd=self.root, check=True)

    def leave_out(self, name):
        self.file(".gitignore", name)
        self.commit(name)

    def collect(self, leave=None, age=0):
        """Write the manifest, `age` seconds ago, without the file to leave out."""
        listings = [finder.list([]) for finder in finders.get_finders()]
        names = {path for listing in listings for path, _ in listing} - {leave}
        manifest = {"version": "1.1", "paths": dict.fromkeys(names, "hashed")}
        self.file(MANIFEST, json.dumps(manifest))
        os.utime(self.root / MANIFEST, (time.time() - age,) * 2)


@pytest.fixture
def site(tmp_path, monkeypatch, production, settings):
    for name in os.environ:
        if name.startswith(("DJANGO_", "DATABASE_", "DEBUG", "REDIS_", "WEB_", "PORT")):
            monkeypatch.delenv(name)
    site = Site(tmp_path, monkeypatch)
    site.env(**production)
    site.setting(
        LOCAL=False,
        ON_HEROKU=True,
        ALLOWED_HOSTS=[".herokuapp.com"],
        BASE_DIR=tmp_path,
        STATIC_ROOT=tmp_path / "staticfiles",
    )
    site.engine("django.db.backends.postgresql")
    site.database(sslmode="require")
    site.uploads(f"{FILES}.InMemoryStorage")
    site.mailer("django.core.mail.backends.smtp.EmailBackend")
    site.cache("db.DatabaseCache")
    settings.TEMPLATES = [settings.TEMPLATES[0] | {"DIRS": [tmp_path / "templates"]}]
    version = "{}.{}\n".format(*sys.version_info)
    site.file("runtime.txt", f"python-{version}")
    site.file(".python-version", version)
    site.file("Procfile", "release: python manage.py release\nweb: gunicorn\n")
    site.file("gunicorn.conf.py", gunicorn())
    site.file(
        "requirements.txt",
        "gunicorn==27.0.1 \\\n    --hash=sha256:00 \\\n    --hash=sha256:01\n"
        "    # via -r requirements.in\n"
        "psycopg[binary]==3.3.9\nwhitenoise==6.12.0 ; python_version < '4'\n",
    )
    site.page("load static", "static 'site.css'")
    site.collect()
    return site


OURS = [
    check
    for check in django_registry.deployment_checks
    if check.__module__ == registry.__name__ and "database" not in check.tags
]


def found():
    """Return what our own checks say, by id."""
    return {message.id: message for check in OURS for message in check(None)}


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
    "debug is asked for by its old name": ("W035", do("env", DEBUG="True")),
    "no host is allowed": ("E003", do("setting", ALLOWED_HOSTS=[])),
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
    "a static file is not in the manifest": ("E030", do("collect", leave="site.js")),
    "a page names no static file": (
        "E031",
        do("page", "load static", "static 'nosuch.css'"),
    ),
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
    "debug is off": do("env", DEBUG="False"),
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
        "postgresql://user@[::1]:5432/name",
        "postgres:///name",
        "sqlite://:memory:",
        "sqlite:////tmp/file.sqlite3",
        "sqlite://",
    ],
)
def test_a_sound_database_url_is_passed(url):
    assert config_vars.database_url_problem(url) is None


@pytest.mark.django_db
def test_an_unapplied_migration_is_told_when_the_database_is_asked():
    assert list(server.migrations()) == []
    MigrationRecorder(connection).record_unapplied("sessions", "0001_initial")
    (message,) = server.migrations()
    assert message.id == "deploy.E033"
    assert "sessions.0001_initial" in message.msg


MODELS = """
from django.db import models

class Order(models.Model):
    number = models.IntegerField(primary_key=True)
"""
MIGRATION = """
from django.db import migrations, models

class Migration(migrations.Migration):
    fields = [("number", models.IntegerField(primary_key=True, serialize=False))]
    operations = [migrations.CreateModel("Order", fields)]
"""
NOTE = "    note = models.TextField()\n    day = models.DateField(auto_now_add=True)\n"


@pytest.fixture
def install(site, settings, monkeypatch):
    """Install an app, by a name that no other test takes: Django forgets no model."""

    def install(name, folder=".", note="", migration=MIGRATION):
        site.file(f"{folder}/{name}/models.py", MODELS + note)
        if migration:
            site.file(f"{folder}/{name}/migrations/__init__.py")
            site.file(f"{folder}/{name}/migrations/0001_initial.py", migration)
        monkeypatch.syspath_prepend(site.root / folder)
        settings.INSTALLED_APPS = [*settings.INSTALLED_APPS, name]
        return {code: message.msg for code, message in found().items()}

    return install


def test_a_model_that_changed_without_a_migration_is_told(install):
    cause = "A change in changed has no migration: Add field day to order and 1 more."
    assert install("changed", note=NOTE) == {"deploy.E034": cause}


def test_a_model_without_any_migration_is_told_for_no_release_makes_its_table(install):
    cause = "A change in tableless has no migration: Create model Order."
    assert install("tableless", migration=None) == {"deploy.E034": cause}


def test_a_model_whose_table_is_anothers_needs_no_migration(install):
    note = "    class Meta:\n        managed = False\n"
    assert install("foreign", note=note, migration=None) == {}


def test_a_model_whose_migration_was_made_is_passed_without_a_database(install, site):
    site.engine("django.db.backends.dummy")
    assert install("made") == {}


def test_a_migration_that_was_not_committed_is_told(install):
    needs = '    dependencies = [("orphan", "0000_lost")]\n'
    (cause,) = install("orphan", migration=MIGRATION + needs).values()
    assert "A migration is not there:" in cause
    assert "('orphan', '0000_lost')" in cause


def test_a_model_of_an_installed_package_is_not_the_projects_to_migrate(install):
    assert install("other", "lib/site-packages", note=NOTE) == {}


def test_where_to_migrate_depends_on_where_the_database_is(site):
    site.monkeypatch.setattr(server, "unapplied_migrations", lambda: ["shop.0001"])
    (message,) = server.migrations()
    assert message.hint.startswith("heroku run python manage.py migrate ")
    site.setting(ON_HEROKU=False)
    (message,) = server.migrations()
    assert message.hint.startswith("python manage.py migrate ")


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


def test_a_check_that_was_silenced_keeps_no_server_from_starting(site):
    site.setting(ALLOWED_HOSTS=[], SILENCED_SYSTEM_CHECKS=["deploy.E003"])
    checks.refuse_to_boot()


def test_no_problem_is_left_without_a_test():
    folder = Path(checks.__file__).parent
    source = "".join(path.read_text() for path in folder.glob("*.py"))
    told = re.findall(r"problem\((Error|Warning), (\d+)", source)
    codes = {f"{kind[0]}{int(number):03}" for kind, number in told}
    assert codes == {code for code, _ in BROKEN.values()} | {"E004", "E033", "E034"}
