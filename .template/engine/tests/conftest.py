"""What the tests of the site itself share."""

import io
import json
import os
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest
from django.core.signals import request_started
from django.db import close_old_connections
from django.urls import path

ROOT = Path(__file__).resolve().parent.parent
SECRET_KEY = "a-secret-key-for-tests-0123456789-abcdefghijklmnopqrstuvwxyz"


@pytest.fixture(scope="session")
def production():
    """The config vars of a web dyno with a database, which no test connects to."""
    return {
        "DYNO": "web.1",
        "DJANGO_SECRET_KEY": SECRET_KEY,
        "DATABASE_URL": "postgres://user:password@db.example.com:5432/name",
        "EMAIL_URL": "smtp://user:password@mail.example.com",
    }


@pytest.fixture(scope="session")
def python():
    """Run Python in the project with these config vars and no others."""

    def run(*arguments, **config_vars):
        environment = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", **config_vars}
        environment["DJANGO_SETTINGS_MODULE"] = "mysite.settings"
        return subprocess.run(
            [sys.executable, "-W", "error", *arguments],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
        )

    return run


@pytest.fixture(scope="session")
def settings_of(python):
    """Return the settings, as JSON knows them, under these config vars alone."""
    code = (
        "import json; from mysite import settings;"
        "print(json.dumps({k: v for k, v in vars(settings).items() if k.isupper()},"
        " default=str))"
    )

    def read(**config_vars):
        result = python("-c", code, **config_vars)
        assert result.returncode == 0, result.stderr
        return json.loads(result.stdout)

    return read


@pytest.fixture
def page(settings):
    """Let a function answer /page, so that no page of the site's own is relied on."""

    def answered_by(view):
        urls = ModuleType("urls")
        vars(urls).update(vars(import_module(settings.ROOT_URLCONF)))
        urls.urlpatterns = [path("page", view), *urls.urlpatterns]
        settings.ROOT_URLCONF = urls

    return answered_by


@pytest.fixture
def broken(page):
    """Let /page raise an exception; return what sets which."""

    def by(error):
        def fail(request):
            raise error

        page(fail)

    return by


@pytest.fixture
def site(tmp_path, monkeypatch, production, settings):
    """A sound site in production, which a test may then break."""
    from .sites import sound_site

    return sound_site(tmp_path, monkeypatch, production, settings)


def get(path, **environ):
    """Send a request through the WSGI application; return status, headers and body."""
    from mysite import wsgi

    answer = {}

    def start_response(status, headers):
        answer.update(status=int(status[:3]), headers=dict(headers))

    defaults = {
        "REQUEST_METHOD": "GET",
        "PATH_INFO": path,
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "8000",
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(),
    }
    # As Django's own test client: the tests' connection must stay open.
    request_started.disconnect(close_old_connections)
    try:
        body = b"".join(wsgi.application(defaults | environ, start_response))
    finally:
        request_started.connect(close_old_connections)
    return answer["status"], answer["headers"], body
