"""Tests run as on a laptop: plain HTTP, static files as they lie in their folders."""

import os
import subprocess
import sys
from pathlib import Path

import django
import pytest

ROOT = Path(__file__).resolve().parent.parent
SECRET_KEY = "a-secret-key-for-tests-0123456789-abcdefghijklmnopqrstuvwxyz"


def pytest_configure():
    os.environ["DJANGO_SETTINGS_MODULE"] = "mysite.settings"
    os.environ["DJANGO_LOCAL"] = "1"
    os.environ.pop("DJANGO_DEBUG", None)
    django.setup()
    # A manifest that `bin/run` left behind may be older than the templates.
    django.conf.settings.STATIC_ROOT = ROOT / "no-such-folder"


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
def setting(python):
    """Return the value of an expression over the settings under these config vars."""

    def evaluate(expression, **config_vars):
        code = f"from mysite import settings; print({expression})"
        result = python("-c", code, **config_vars)
        assert result.returncode == 0, result.stderr
        return result.stdout.strip()

    return evaluate
