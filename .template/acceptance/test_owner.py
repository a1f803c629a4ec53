"""The tests of a new project stay green when its owner changes the site."""

import shutil
import subprocess

import heroku
import pytest
from projects import archive, call, start

NAME = "bookshop"


@pytest.fixture(scope="module")
def packages(source):
    """The virtual environment in which the projects run."""
    version = (source / "runtime.txt").read_text().strip().removeprefix("python-")
    return heroku.installed(version, source / "requirements-test.txt")


@pytest.fixture(scope="module")
def created(repository, tmp_path_factory):
    """A project with its own name, from the archive of the working tree."""
    folder = tmp_path_factory.mktemp("owner")
    return start(archive(repository, folder / "own.zip"), NAME, folder)


@pytest.fixture
def project(created, tmp_path):
    """A copy of the project for one owner's changes."""
    return shutil.copytree(created, tmp_path / NAME)


def change(path, *pairs):
    """Replace texts in a file, each of which must be there."""
    text = path.read_text()
    for before, after in pairs:
        assert before in text, f"{path.name} has no {before}"
        text = text.replace(before, after)
    path.write_text(text)


def nothing(project):
    """Leave the project as `startproject` makes it."""


def move_the_admin(project):
    change(project / NAME / "urls.py", ('path("admin/"', 'path("office/"'))


def delete_the_admin(project):
    change(
        project / NAME / "urls.py",
        ('    path("admin/", admin.site.urls),\n', ""),
        ("from django.contrib import admin\n", ""),
    )


def delete_the_docs(project):
    shutil.rmtree(project / "docs")


def delete_the_home_page(project):
    route = '    path("", views.home, name="home"),\n'
    change(project / NAME / "urls.py", (route, ""))
    (project / "templates/home.html").unlink()
    (project / "static/site.js").unlink()


def write_a_500_page(project):
    page = "<!doctype html><title>Oh dear</title><h1>Oh dear</h1>\n"
    (project / "templates/500.html").write_text(page)


def raise_hsts_to_a_year(project):
    domains = "SECURE_HSTS_INCLUDE_SUBDOMAINS"
    change(
        project / NAME / "settings.py",
        ("or 3600)", "or 31_536_000)"),
        ("SECURE_SSL_REDIRECT =", f"{domains} = True\nSECURE_SSL_REDIRECT ="),
    )


def translate_the_site(project):
    code = ('LANGUAGE_CODE = "en-us"', 'LANGUAGE_CODE = "ar"')
    change(project / NAME / "settings.py", code)


def ask_everybody_to_log_in(project):
    middleware = "django.contrib.auth.middleware.AuthenticationMiddleware"
    login = middleware.replace("Authentication", "LoginRequired")
    lines = f'"{middleware}",\n', f'"{middleware}",\n    "{login}",\n'
    change(project / NAME / "settings.py", lines)
    settings = project / NAME / "settings.py"
    settings.write_text(settings.read_text() + '\nLOGIN_URL = "admin:login"\n')


def allow_another_origin(project):
    origin = '"script-src": OWN', '"script-src": [*OWN, "https://cdn.example.com"]'
    change(project / NAME / "settings.py", origin)


def delete_runtime_txt(project):
    (project / "runtime.txt").unlink()


CHANGES = (
    nothing,
    move_the_admin,
    delete_the_admin,
    delete_the_docs,
    delete_the_home_page,
    write_a_500_page,
    raise_hsts_to_a_year,
    translate_the_site,
    ask_everybody_to_log_in,
    allow_another_origin,
    delete_runtime_txt,
)


@pytest.mark.parametrize("make", CHANGES, ids=lambda make: make.__name__)
def test_the_owners_tests_pass_after_a_change(project, packages, make):
    make(project)
    said = call(packages / "bin/python", "-m", "pytest", "-q", cwd=project)
    assert " passed" in said and " failed" not in said


def test_the_owners_tests_pass_after_all_changes_at_once(project, packages):
    for make in CHANGES:
        if make is not delete_the_admin:
            make(project)
    call(packages / "bin/python", "-m", "pytest", "-q", cwd=project)


@pytest.mark.parametrize(
    "path, before, after",
    [
        ("templates/404.html", "{% block main %}", "{% block main %}{% nosuch %}"),
        ("templates/site.html", "site.css", "no-such.css"),
        (f"{NAME}/settings.py", "SECURE_SSL_REDIRECT = not LOCAL", ""),
        (f"{NAME}/settings.py", '    "dyno.middleware.default_headers",\n', ""),
        (f"{NAME}/urls.py", 'handler500 = "dyno.views.server_error"', ""),
    ],
)
def test_the_owners_tests_find_a_mistake(project, packages, path, before, after):
    change(project / path, (before, after))
    python = packages / "bin/python"
    run = [python, "-m", "pytest", "-q"]
    result = subprocess.run(run, cwd=project, env=heroku.shell(), capture_output=True)
    assert result.returncode == 1, result.stdout
