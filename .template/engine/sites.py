"""A site in production for the tests of the checks, and what dyno's checks report."""

import json
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

from django.conf import settings as django_settings
from django.contrib.staticfiles import finders
from django.core.checks.registry import registry as django_registry
from django.db.utils import ConnectionHandler

from dyno import database, mail
from dyno.checks import databases, procfile, registry

FILES = "django.core.files.storage"
SMTP = "django.core.mail.backends.smtp"
MANIFEST = "staticfiles/staticfiles.json"
SECRET_KEY = "a-secret-key-for-tests-0123456789-abcdefghijklmnopqrstuvwxyz"

# The config vars of a web dyno with a database, which no test connects to.
PRODUCTION = {
    "DYNO": "web.1",
    "DJANGO_SECRET_KEY": SECRET_KEY,
    "DATABASE_URL": "postgres://user:password@db.example.com:5432/name",
    "EMAIL_URL": "smtp://user:password@mail.example.com",
}


def tag(text):
    """Return a template tag."""
    return "{" + f"% {text} %" + "}"


class Site:
    """A sound site in production, which a test may then break."""

    def __init__(self, root, monkeypatch, settings):
        self.root = root
        self.monkeypatch = monkeypatch
        self.settings = settings

    def env(self, **config_vars):
        for name, value in config_vars.items():
            self.monkeypatch.setenv(name, value)

    def setting(self, **values):
        for name, value in values.items():
            setattr(self.settings, name, value)

    def development(self):
        self.off_heroku_without_database()
        self.env(DJANGO_SECRET_KEY="short")
        self.setting(LOCAL=True, STATIC_ROOT=Path("/nosuch"))
        self.uploads(f"{FILES}.FileSystemStorage")
        self.no_mail()

    def off_heroku(self, sslmode="verify-full"):
        self.monkeypatch.delenv("DYNO")
        self.postgresql(OPTIONS={"sslmode": sslmode})

    def off_heroku_without_database(self):
        self.off_heroku()
        self.monkeypatch.delenv("DATABASE_URL")

    def postgresql(self, **more):
        """Let the database be PostgreSQL, with more in its settings."""
        config = {"ENGINE": "django.db.backends.postgresql", "NAME": "name"}
        config |= {"HOST": "db.example.com", "OPTIONS": {"sslmode": "require"}}
        self.connections(default=config | more)

    def connections(self, **configs):
        # Not by pytest-django's settings, which warn of this one.
        self.monkeypatch.setattr(django_settings, "DATABASES", configs)
        handler = ConnectionHandler(configs)
        for module in (databases, databases.database):
            self.monkeypatch.setattr(module, "connections", handler)

    def urls(self, **config_vars):
        """Set config vars, and the databases that the settings make of them."""
        self.env(**config_vars)
        self.connections(**database.from_environ(os.environ, local=False))

    def no_psycopg_pool(self):
        self.monkeypatch.setattr(databases, "find_spec", lambda name: None)

    def no_mail(self):
        self.monkeypatch.delenv("EMAIL_URL")
        self.setting(MAILERS={"default": {"BACKEND": "dyno.mail.UnsentMail"}})

    def mail(self, url):
        self.env(EMAIL_URL=url)
        self.setting(MAILERS={"default": mail.mailer(os.environ, local=False)})

    def redis(self, url, alias="default"):
        caches = self.settings.CACHES | {
            alias: {"BACKEND": "dyno.cache.FailOpenRedisCache", "LOCATION": [url]}
        }
        self.setting(CACHES=caches)

    def uploads(self, backend):
        storages = self.settings.STORAGES | {"default": {"BACKEND": backend}}
        self.setting(STORAGES=storages)

    def commit(self, name):
        self.off_heroku()
        self.file(name, "PASSWORD=1")
        for arguments in (["init", "--quiet"], ["add", "--force", name]):
            subprocess.run(["git", *arguments], cwd=self.root, check=True)

    def handlers(self, *names):
        """Let the URLconf have these handlers alone."""
        urls = ModuleType("shop.urls")
        vars(urls).update(dict.fromkeys(names, "shop.views.error"), urlpatterns=[])
        self.monkeypatch.setitem(sys.modules, "shop.urls", urls)
        self.setting(ROOT_URLCONF="shop.urls")

    def file(self, name, text=""):
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="latin-1")

    def page(self, *tags):
        self.file("templates/page.html", "".join(map(tag, tags)))

    def collect(self, leave=None):
        """Write the manifest, without the file to leave out."""
        listings = [finder.list([]) for finder in finders.get_finders()]
        names = {path for listing in listings for path, _ in listing} - {leave}
        manifest = {"version": "1.1", "paths": dict.fromkeys(names, "hashed")}
        self.file(MANIFEST, json.dumps(manifest))


def sound_site(tmp_path, monkeypatch, settings):
    """Return a site of which no check reports anything."""
    ours = ("DJANGO_", "DATABASE_", "DEBUG", "REDIS_", "WEB_", "EMAIL_", "GUNICORN_")
    for name in [name for name in os.environ if name.startswith(ours)]:
        monkeypatch.delenv(name)
    monkeypatch.setattr(procfile, "gunicorn_problem", lambda arguments: "")
    site = Site(tmp_path, monkeypatch, settings)
    site.env(**PRODUCTION)
    site.setting(LOCAL=False, ALLOWED_HOSTS=[".herokuapp.com"], BASE_DIR=tmp_path)
    site.postgresql()
    settings.MAILERS = {"default": {"BACKEND": f"{SMTP}.EmailBackend"}}
    settings.STATIC_ROOT = tmp_path / "staticfiles"
    settings.STATICFILES_DIRS = [tmp_path / "static"]
    settings.STORAGES = {
        "default": {"BACKEND": f"{FILES}.InMemoryStorage"},
        "staticfiles": {"BACKEND": "dyno.static.ManifestStorage"},
    }
    settings.TEMPLATES = [settings.TEMPLATES[0] | {"DIRS": [tmp_path / "templates"]}]
    site.handlers("handler400", "handler403", "handler404", "handler500")
    site.file("Procfile", "release: python manage.py release\nweb: gunicorn\n")
    site.file("static/site.css")
    site.page("load static", "static 'admin/css/base.css'", "static 'site.css'")
    site.collect()
    return site


OURS = [
    check
    for check in django_registry.deployment_checks
    if check.__module__ == registry.__name__
]


def found():
    """Return what dyno's checks report, by id."""
    return {message.id: message for check in OURS for message in check(None)}
