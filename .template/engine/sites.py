"""A site in production for the tests of the checks, and what dyno's checks report."""

import json
import os
import subprocess
from pathlib import Path

from django.core.checks.registry import registry as django_registry

from dyno import database
from dyno.checks import databases, procfile, registry

FILES = "django.core.files.storage"
SMTP = "django.core.mail.backends.smtp"
SECRET_KEY = "a-secret-key-for-tests-0123456789-abcdefghijklmnopqrstuvwxyz"

# The config vars of a web dyno with a database, which no test connects to.
PRODUCTION = {
    "DYNO": "web.1",
    "DJANGO_SECRET_KEY": SECRET_KEY,
    "DATABASE_URL": "postgres://user:password@db.example.com:5432/name",
}
MANIFEST = {"admin/css/base.css": "hashed", "site.css": "hashed"}


def tag(text):
    """Return a template tag."""
    return "{" + f"% {text} %" + "}"


class Site:
    """A sound site in production, which a test may then break."""

    def __init__(self, root, monkeypatch, settings, use_databases):
        self.root = root
        self.monkeypatch = monkeypatch
        self.settings = settings
        self.connections = use_databases
        ours = (
            "DJANGO_",
            "DATABASE_",
            "DEBUG",
            "REDIS_",
            "WEB_",
            "EMAIL_",
            "GUNICORN_",
        )
        for name in [name for name in os.environ if name.startswith(ours)]:
            monkeypatch.delenv(name)
        monkeypatch.setattr(procfile, "gunicorn_problem", lambda arguments: "")
        self.env(**PRODUCTION)
        self.setting(LOCAL=False, ALLOWED_HOSTS=[".herokuapp.com"], BASE_DIR=root)
        self.postgresql()
        settings.MAILERS = {"default": {"BACKEND": f"{SMTP}.EmailBackend"}}
        settings.STATIC_ROOT = root / "staticfiles"
        settings.STORAGES = {"staticfiles": {"BACKEND": "dyno.static.ManifestStorage"}}
        self.uploads(f"{FILES}.InMemoryStorage")
        settings.TEMPLATES = [settings.TEMPLATES[0] | {"DIRS": [root / "templates"]}]
        self.file("Procfile", "release: python manage.py release\nweb: gunicorn\n")
        self.page("load static", "static 'admin/css/base.css'", "static 'site.css'")
        manifest = {"version": "1.1", "paths": MANIFEST}
        self.file("staticfiles/staticfiles.json", json.dumps(manifest))

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
        self.no_mail()

    def off_heroku(self, sslmode="verify-full"):
        """Let it be a server of the owner's own, whose disk keeps uploads."""
        self.monkeypatch.delenv("DYNO")
        self.postgresql(OPTIONS={"sslmode": sslmode})
        self.uploads(f"{FILES}.FileSystemStorage")

    def off_heroku_without_database(self):
        self.off_heroku()
        self.monkeypatch.delenv("DATABASE_URL")

    def postgresql(self, **more):
        """Let the database be PostgreSQL, with more in its settings."""
        config = {"ENGINE": "django.db.backends.postgresql", "NAME": "name"}
        config |= {"HOST": "db.example.com", "OPTIONS": {"sslmode": "require"}}
        self.connections(default=config | more)

    def urls(self, **config_vars):
        """Set config vars, and the databases that the settings make of them."""
        self.env(**config_vars)
        self.connections(**database.from_environ(os.environ, local=False))

    def no_psycopg_pool(self):
        self.monkeypatch.setattr(databases, "find_spec", lambda name: None)

    def no_mail(self):
        self.setting(MAILERS={"default": {"BACKEND": "dyno.mail.UnsentMail"}})

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

    def file(self, name, text=""):
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="latin-1")

    def page(self, *tags):
        self.file("templates/page.html", "".join(map(tag, tags)))


OURS = [
    check
    for check in django_registry.deployment_checks
    if check.__module__ == registry.__name__
]


def found():
    """Return what dyno's checks report, by id."""
    return {message.id: message for check in OURS for message in check(None)}
