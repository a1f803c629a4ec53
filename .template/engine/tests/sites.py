"""A site in production for the tests of the checks, and what our own say of it."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

from django.conf import settings as django_settings
from django.contrib.staticfiles import finders
from django.core.checks.registry import registry as django_registry
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


def sound_site(tmp_path, monkeypatch, production, settings):
    """Return a site that no check says a word of."""
    for name in os.environ:
        if name.startswith(
            ("DJANGO_", "DATABASE_", "DEBUG", "REDIS_", "WEB_", "PORT", "FORW")
        ):
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
    site.page("load static", "static 'admin/css/base.css'")
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
