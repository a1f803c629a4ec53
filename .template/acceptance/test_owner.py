"""The tests of a new project stay green when its owner changes the site."""

import shutil
import subprocess

import heroku
import pytest
from owners import ALONE, CHANGES, NAME, delete_the_admin, log_in_elsewhere
from projects import append, archive, call, change, start


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


@pytest.mark.parametrize("make", CHANGES + ALONE, ids=lambda make: make.__name__)
def test_the_owners_tests_pass_after_a_change(project, packages, make):
    make(project)
    said = call(packages / "bin/python", "-m", "pytest", "-q", cwd=project)
    assert " passed" in said and " failed" not in said


def test_the_owners_tests_pass_after_all_changes_at_once(project, packages):
    for make in CHANGES:
        if make not in (delete_the_admin, log_in_elsewhere):
            make(project)
    call(packages / "bin/python", "-m", "pytest", "-q", cwd=project)


def test_the_owners_tests_need_no_right_to_another_database(
    project, packages, postgres
):
    url = postgres.create("shop")
    postgres.psql("REVOKE CONNECT ON DATABASE postgres FROM PUBLIC")
    python = packages / "bin/python"
    try:
        call(python, "-m", "pytest", "-q", cwd=project, DATABASE_URL=url)
    finally:
        postgres.psql("GRANT CONNECT ON DATABASE postgres TO PUBLIC")


def test_the_owners_tests_hash_passwords_fast_and_know_those_of_fixtures(
    project, packages
):
    test = (
        "from django.contrib.auth.hashers import check_password, make_password\n\n\n"
        "def test_it():\n"
        '    assert make_password("a").startswith("md5$")\n'
        '    assert check_password("a", make_password("a", hasher="pbkdf2_sha256"))\n'
    )
    append(project / "tests/test_mine.py", test)
    python = packages / "bin/python"
    call(python, "-m", "pytest", "-q", "tests/test_mine.py", cwd=project)


@pytest.mark.parametrize(
    "path, before, after",
    [
        ("templates/404.html", "{% block main %}", "{% block main %}{% nosuch %}"),
        ("templates/site.html", "site.css", "no-such.css"),
        (f"{NAME}/settings.py", "SECURE_SSL_REDIRECT = not LOCAL", ""),
        (f"{NAME}/settings.py", '    "dyno.middleware.default_headers",\n', ""),
        (f"{NAME}/settings.py", "SESSION_COOKIE_SECURE = not LOCAL", ""),
        (f"{NAME}/views.py", '"home.html"', '"hime.html"'),
        (
            "templates/404.html",
            "{% block main %}",
            "{% block main %}{% static title %}",
        ),
    ],
)
def test_the_owners_tests_find_a_mistake(project, packages, path, before, after):
    change(project / path, (before, after))
    python = packages / "bin/python"
    run = [python, "-m", "pytest", "-q"]
    result = subprocess.run(run, cwd=project, env=heroku.shell(), capture_output=True)
    assert result.returncode == 1, result.stdout
