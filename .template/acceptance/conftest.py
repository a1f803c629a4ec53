"""What the acceptance tests share: real parts, and a built slug of this repository."""

import functools
import secrets
import shutil
from pathlib import Path

import heroku
import parts
import pytest
import services
from deployment import complaints
from formation import Formation
from mail_server import MailServer
from project import Project
from projects import archive, install, start
from selenium import webdriver
from traffic import watch

HERE = Path(__file__).parent

# What an ordinary push does not need: `.ci/run --short` leaves these files out.
LONG = (
    "test_container.py",
    "test_faults.py",
    "test_moving_in.py",
    "test_recipes_*.py",
    "test_upgrade.py",
)
# What is held to bounds of time or memory, or shares a store of this machine: these run
# after the others, one file after the other.
ALONE = (
    "test_asgi.py",
    "test_boundaries.py",
    "test_connections.py",
    "test_container.py",
    "test_deploy.py",
    "test_faults.py",
    "test_formation.py",
    "test_front_door.py",
    "test_lighthouse.py",
    "test_pooler.py",
    "test_recipes_*.py",
)

FLAGS = """--headless --no-sandbox --disable-gpu --disable-quic --no-first-run
--disable-background-networking --disable-component-update --disable-sync
--ignore-certificate-errors --hide-scrollbars --window-size=1280,2000"""


def pytest_collection_modifyitems(items):
    """Mark the tests of the files above."""
    for patterns, mark in ((LONG, pytest.mark.long), (ALONE, pytest.mark.alone)):
        for pattern in patterns:
            found = set(HERE.glob(pattern))
            assert found, f"no file is named {pattern}"
            for item in items:
                if item.path in found:
                    item.add_marker(mark)


@pytest.fixture(scope="session")
def postgres():
    """A PostgreSQL server that several databases can be made in."""
    with parts.Postgres() as server:
        yield server


@pytest.fixture(scope="session")
def redis():
    """A Redis server."""
    with parts.Redis() as server:
        yield server


@pytest.fixture(scope="session")
def secret_key():
    """A DJANGO_SECRET_KEY as the README makes one."""
    return secrets.token_urlsafe(48)


@pytest.fixture(scope="session")
def source(tmp_path_factory):
    """A copy of what git would commit of this repository: leave it as it is."""
    return heroku.checkout(tmp_path_factory.mktemp("source"))


@pytest.fixture(scope="session")
def repository(source, tmp_path_factory):
    """A git repository with what this one would commit: leave it as it is."""
    folder = tmp_path_factory.mktemp("repository") / "checkout"
    shutil.copytree(source, folder)
    heroku.commit(folder, "Start")
    return folder


@pytest.fixture(scope="session")
def bookshop(repository, tmp_path_factory):
    """A project of the archive, committed by its owner: leave it as it is."""
    folder = tmp_path_factory.mktemp("bookshop")
    project = start(archive(repository, folder / "template.zip"), "bookshop", folder)
    heroku.commit(project, "Start")
    return project


@pytest.fixture
def project(bookshop, tmp_path):
    """A copy of the bookshop with its environments, to change."""
    folder = shutil.copytree(bookshop, tmp_path / "bookshop")
    install(folder)
    return folder


@pytest.fixture(scope="session")
def copy_project(source, tmp_path_factory, secret_key):
    """A function that returns a copy of this repository to change, build and run."""

    def copy(name="project"):
        folder = tmp_path_factory.mktemp(name)
        return Project(source, folder, DJANGO_SECRET_KEY=secret_key)

    return copy


@pytest.fixture(scope="session")
def pushed(copy_project):
    """This repository as a push has built it, without a database: leave it as it is."""
    return copy_project("pushed").build()


@pytest.fixture(scope="module")
def dyno(pushed):
    """A web dyno of it."""
    with pushed.dyno() as dyno:
        yield dyno


@pytest.fixture(scope="module")
def rehearsed(copy_project):
    """The same with the pages of a rehearsal."""
    return copy_project("rehearsed").add_rehearsal().build()


@pytest.fixture(scope="module")
def rehearsal(rehearsed, postgres):
    """The same, released with a database."""
    return rehearsed.release(DATABASE_URL=postgres.create("rehearsal"))


@pytest.fixture(scope="module")
def formation(copy_project):
    """A grown site, with add-ons and a router of its own."""
    project = copy_project("formation").add_rehearsal()
    with (
        parts.Postgres() as postgres,
        parts.Redis() as redis,
        parts.HAProxy() as router,
    ):
        formation = Formation(project, postgres, redis, router)
        try:
            formation.start()
            yield formation
        finally:
            formation.kill()


@pytest.fixture
def fault(formation):
    """A function that holds the traffic of that site to bounds in a fault."""
    return functools.partial(watch, formation)


@pytest.fixture(scope="module")
def mail_server(tmp_path_factory):
    """A mail server with STARTTLS, and the mails that it got."""
    with MailServer(tmp_path_factory.mktemp("mail"), starttls=True) as server:
        yield server


@pytest.fixture(scope="session")
def http_services():
    """A language model, providers of mail and of log-ins, and an error tracker."""
    with services.serve() as server:
        yield server


@pytest.fixture(scope="module")
def chromium():
    """A browser that finds every host on this machine and keeps its logs."""
    options = webdriver.ChromeOptions()
    options.binary_location = parts.need("chromium")
    for flag in FLAGS.split():
        options.add_argument(flag)
    options.add_argument("--host-resolver-rules=MAP * 127.0.0.1")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    service = webdriver.ChromeService(parts.need("chromedriver"))
    with webdriver.Chrome(options, service) as driver:
        driver.implicitly_wait(5)
        yield driver


@pytest.fixture
def browser(chromium):
    """A visitor without cookies, who has nothing to complain about in the end."""
    chromium.execute_cdp_cmd("Network.clearBrowserCookies", {})
    complaints(chromium)
    yield chromium
    assert complaints(chromium) == []
