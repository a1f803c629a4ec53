"""A deploy: the settings of production, in a process of their own."""

import json
import os
import subprocess
import sys

import pytest
from django.conf import settings as django_settings
from django.shortcuts import render
from django.template import TemplateDoesNotExist
from django.template.loader import get_template

# The config vars of a dyno with a database, which no test connects to.
PRODUCTION = {
    "DYNO": "release.1",
    "DJANGO_LOCAL": "",
    "DJANGO_SECRET_KEY": "a-secret-key-for-tests-0123456789-abcdefghijklmnopqrst",
    "DJANGO_ALLOWED_HOSTS": "www.example.com, example.com",
    "DATABASE_URL": "postgres://user:password@db.example.com:5432/name",
    "EMAIL_URL": "smtp://user:password@mail.example.com",
}

CLOSED = {
    "DEBUG": False,
    "SECURE_SSL_REDIRECT": True,
    "SESSION_COOKIE_SECURE": True,
    "CSRF_COOKIE_SECURE": True,
}

# The deploy checks find a template that does not compile, or names a missing file.
DEPLOY = """
import json
import sys
import django
from django.conf import settings
from django.core.management import call_command

folder, *names = sys.argv[1:]
settings.STATIC_ROOT = folder
django.setup()
print(json.dumps({name: getattr(settings, name) for name in names}))
call_command("collectstatic", interactive=False, verbosity=0)
call_command("check", deploy=True)
"""

ERROR_PAGES = ["400", "403", "403_csrf", "404", "411", "413", "500", "503"]


@pytest.fixture(scope="session")
def static_root(tmp_path_factory):
    """The folder into which the deploy collects the static files."""
    return tmp_path_factory.mktemp("staticfiles")


@pytest.fixture(scope="session")
def deploy(static_root):
    """A deploy that has ended."""
    return subprocess.run(
        [sys.executable, "-c", DEPLOY, static_root, *CLOSED],
        cwd=django_settings.BASE_DIR,
        env=os.environ | PRODUCTION,
        capture_output=True,
        text=True,
    )


def test_a_deploy_collects_the_static_files_and_passes_its_checks(deploy):
    assert deploy.returncode == 0, deploy.stderr


def test_in_production_the_site_is_closed(deploy):
    assert deploy.stdout, deploy.stderr
    assert json.loads(deploy.stdout.splitlines()[0]) == CLOSED


@pytest.mark.django_db(databases="__all__")
@pytest.mark.parametrize("name", ERROR_PAGES)
def test_the_page_of_an_error_can_be_shown(deploy, static_root, settings, answer, name):
    try:
        get_template(f"{name}.html")
    except TemplateDoesNotExist:
        pytest.skip(f"This site has no {name}.html")
    # With the names that the static files have in production.
    settings.LOCAL = False
    settings.STATIC_ROOT = static_root
    manifest = {"staticfiles": {"BACKEND": "dyno.static.ManifestStorage"}}
    settings.STORAGES = settings.STORAGES | manifest
    answer(lambda request: render(request, f"{name}.html"))
