"""What the tests of dyno share. The site's package must not be importable here."""

import importlib.util
import os
import subprocess
import sys
import threading
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest
from django.conf import settings as django_settings
from django.db.utils import ConnectionHandler
from django.urls import path

ENGINE = Path(__file__).resolve().parent

for name in [name for name in os.environ if name.startswith("DJANGO_")]:
    if name != "DJANGO_SETTINGS_MODULE":
        del os.environ[name]

assert importlib.util.find_spec("mysite") is None, "Fix: python -P -m pytest"


@pytest.fixture(scope="session")
def python():
    """Run Python beside dyno, with these config vars and no others."""

    def run(*arguments, **config_vars):
        environment = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", **config_vars}
        environment["DJANGO_SETTINGS_MODULE"] = "settings"
        return subprocess.run(
            [sys.executable, "-W", "error", *arguments],
            cwd=ENGINE,
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
        )

    return run


@pytest.fixture(autouse=True)
def open_connections(monkeypatch):
    """Leave the connection of a test open, as Django's own test client does."""
    monkeypatch.setattr("dyno.wsgi.close_old_connections", lambda: None)


@pytest.fixture
def page(settings):
    """Return a function that lets a view answer /page."""

    def answered_by(view):
        urls = ModuleType("urls")
        vars(urls).update(vars(import_module(settings.ROOT_URLCONF)))
        urls.urlpatterns = [path("page", view), *urls.urlpatterns]
        settings.ROOT_URLCONF = urls

    return answered_by


@pytest.fixture
def site(tmp_path, settings, monkeypatch, django_db_blocker):
    """A sound site in production, which a test may then break.

    The checks may connect, although to a port where nobody listens.
    """
    from sites import sound_site

    with django_db_blocker.unblock():
        yield sound_site(tmp_path, monkeypatch, settings)


@pytest.fixture
def use_databases(monkeypatch):
    """Return a function that replaces DATABASES, and returns their connections."""
    from dyno import database, pools

    def use(**configs):
        # Not by pytest-django's settings, which warn of this one.
        monkeypatch.setattr(django_settings, "DATABASES", configs)
        connections = ConnectionHandler(configs)
        for module in (database, pools):
            monkeypatch.setattr(module, "connections", connections)
        return connections

    yield use
    for thread in threading.enumerate():
        if thread.name.endswith("(close)"):
            thread.join(10)
    pools.connections.all()  # or this thread would not know of others' pools
    pools.disconnect()


@pytest.fixture
def on_postgresql(transactional_db):
    """Skip a test on SQLite."""
    from django.db import connection

    if connection.vendor != "postgresql":
        pytest.skip("This is about PostgreSQL")
    yield connection
    connection.close()


@pytest.fixture
def queue(settings, transactional_db, monkeypatch):
    """Tasks wait in the database, as in production.

    Transactions are committed, since the command closes connections. The heartbeat is
    left out: its thread would keep a connection after the test.
    """
    from django.db import connection

    from dyno.heartbeat import Heartbeat

    monkeypatch.setattr(Heartbeat, "start", lambda heartbeat: None)
    monkeypatch.setitem(connection.settings_dict, "CONN_MAX_AGE", 0)
    settings.TASKS = {"default": {"BACKEND": "django_tasks_db.DatabaseBackend"}}
    settings.TASKS["default"]["QUEUES"] = ["default", "mail"]
