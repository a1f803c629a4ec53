"""What the acceptance tests share: real parts, and a built slug of this repository."""

import secrets
import shutil
from pathlib import Path

import heroku
import parts
import pytest
import releases
from selenium import webdriver

FLAGS = """--headless --no-sandbox --disable-gpu --disable-quic --no-first-run
--disable-background-networking --disable-component-update --disable-sync
--ignore-certificate-errors --hide-scrollbars --window-size=1280,2000"""


@pytest.fixture(scope="session")
def postgres():
    """A PostgreSQL server that several databases can be made in."""
    with parts.Postgres() as server:
        yield server


@pytest.fixture(scope="session")
def redis():
    """A Redis server, over TLS and plain."""
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


@pytest.fixture(scope="module")
def repository(source, tmp_path_factory):
    """A git repository with what this one would commit: leave it as it is."""
    folder = tmp_path_factory.mktemp("repository") / "checkout"
    shutil.copytree(source, folder)
    heroku.commit(folder, "Start")
    return folder


@pytest.fixture(scope="session")
def slug(source, tmp_path_factory, secret_key):
    """What a push of this repository builds: leave it as it is."""
    folder = tmp_path_factory.mktemp("slugs") / "slug"
    return heroku.build(source, folder, {"DJANGO_SECRET_KEY": secret_key})


@pytest.fixture(scope="module")
def rehearsed(source, tmp_path_factory, secret_key):
    """A slug with the pages of a rehearsal, and the config vars that it takes."""
    folder = tmp_path_factory.mktemp("rehearsed")
    shutil.copytree(source, folder / "source")
    rehearsal = Path(__file__).parent / "rehearsal"
    shutil.copytree(rehearsal, folder / "source/rehearsal")
    config_vars = {
        "DJANGO_SETTINGS_MODULE": "rehearsal.settings",
        "DJANGO_SECRET_KEY": secret_key,
    }
    return heroku.build(folder / "source", folder / "slug", config_vars), config_vars


@pytest.fixture(scope="module")
def chromium(tmp_path_factory):
    """A browser that finds every host on this machine and keeps its logs."""
    options = webdriver.ChromeOptions()
    options.binary_location = parts.need("chromium")
    for flag in FLAGS.split():
        options.add_argument(flag)
    options.add_argument("--host-resolver-rules=MAP * 127.0.0.1")
    options.add_argument(f"--user-data-dir={tmp_path_factory.mktemp('chromium')}")
    logs = {"browser": "ALL", "performance": "ALL"}
    options.set_capability("goog:loggingPrefs", logs)
    service = webdriver.ChromeService(parts.need("chromedriver"))
    driver = webdriver.Chrome(options, service)
    driver.implicitly_wait(5)
    yield driver
    driver.quit()


@pytest.fixture
def site(slug, postgres, secret_key, request):
    """The slug, the config vars of its release and an empty database."""
    name = request.node.originalname[:60]
    config_vars = {"DJANGO_SECRET_KEY": secret_key}
    config_vars["DATABASE_URL"] = postgres.create(name)
    yield slug, config_vars, name
    postgres.drop(name)


@pytest.fixture
def shop(slug, tmp_path):
    """The slug with a second app in it."""
    slug = shutil.copytree(slug, tmp_path / "slug", symlinks=True)
    for name, text in releases.SHOP.items():
        (slug / "shop" / name).parent.mkdir(parents=True, exist_ok=True)
        (slug / "shop" / name).write_text(text)
    settings = slug / "mysite/settings.py"
    settings.write_text(settings.read_text() + "\nINSTALLED_APPS += ['shop']\n")
    return slug
