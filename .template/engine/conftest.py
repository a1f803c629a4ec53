"""What the tests of dyno share. The site's package must not be importable here."""

import importlib.util
import os
from importlib import import_module
from types import ModuleType

import pytest
from django.db.utils import ConnectionHandler
from django.urls import path

for name in [name for name in os.environ if name.startswith("DJANGO_")]:
    if name != "DJANGO_SETTINGS_MODULE":
        del os.environ[name]

assert importlib.util.find_spec("mysite") is None, "Fix: python -P -m pytest"


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
def use_databases(monkeypatch):
    """Return a function that replaces DATABASES, and returns their connections."""
    from dyno import database, pools
    from dyno.checks import databases

    def use(**configs):
        # Not by pytest-django's settings, which warn of this one.
        monkeypatch.setattr("django.conf.settings.DATABASES", configs)
        connections = ConnectionHandler(configs)
        for module in (database, databases, pools):
            monkeypatch.setattr(module, "connections", connections)
        return connections

    return use


@pytest.fixture
def site(tmp_path, monkeypatch, settings, use_databases, django_db_blocker):
    """A sound site in production, which a test may then break.

    The checks may connect, although to a port where nobody listens.
    """
    from sites import Site

    with django_db_blocker.unblock():
        yield Site(tmp_path, monkeypatch, settings, use_databases)


@pytest.fixture
def on_postgresql(transactional_db):
    """Skip a test on SQLite."""
    from django.db import connection

    if connection.vendor != "postgresql":
        pytest.skip("This is about PostgreSQL")
    yield connection
    connection.close()
