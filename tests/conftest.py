"""What the tests of the site share."""

import os
import subprocess
import sys
from importlib import import_module
from types import ModuleType

import pytest
from django.conf import settings as django_settings
from django.urls import path


@pytest.fixture(scope="session")
def python():
    """Return a function that runs Python in the project with these config vars only."""

    def run(*arguments, **config_vars):
        module = os.environ["DJANGO_SETTINGS_MODULE"]
        env = {"PATH": os.environ["PATH"], "DJANGO_SETTINGS_MODULE": module}
        return subprocess.run(
            [sys.executable, *arguments],
            cwd=django_settings.BASE_DIR,
            env=env | config_vars,
            capture_output=True,
            text=True,
        )

    return run


@pytest.fixture
def visitor(client):
    """Django's test client, which gets error pages as a browser does."""
    client.raise_request_exception = False
    return client


@pytest.fixture
def page(settings):
    """Return a function that lets a view of a test answer /a-page-of-a-test."""

    def answered_by(view):
        urls = ModuleType("urls")
        vars(urls).update(vars(import_module(settings.ROOT_URLCONF)))
        # Open to everybody, even with LoginRequiredMiddleware.
        view.login_required = False
        urls.urlpatterns = [path("a-page-of-a-test", view), *urls.urlpatterns]
        settings.ROOT_URLCONF = urls
        return "/a-page-of-a-test"

    return answered_by
