"""The settings in each environment, and a deploy: one process for each environment."""

import json

import pytest

# The config vars of a web dyno with a database, which no test connects to.
PRODUCTION = {
    "DYNO": "web.1",
    "DJANGO_SECRET_KEY": "a-secret-key-for-tests-0123456789-abcdefghijklmnopqrst",
    "DJANGO_ALLOWED_HOSTS": "www.example.com, example.com",
    "DATABASE_URL": "postgres://user:password@db.example.com:5432/name",
    "EMAIL_URL": "smtp://user:password@mail.example.com",
}

SETTINGS = """
import json
from django.conf import settings

names = [name for name in dir(settings) if name.isupper()]
print(json.dumps({name: getattr(settings, name) for name in names}, default=str))
"""

# As in a deploy: collect the static files, render every page with their hashed names,
# and run the checks of the release. The first page that fails stops the
# script.
DEPLOY = """
import sys
import django
from django.core.management import call_command
from django.template import engines

settings.STATIC_ROOT = sys.argv[1]
django.setup()
call_command("collectstatic", interactive=False, verbosity=0)
for folder in engines["django"].engine.dirs:
    for path in folder.rglob("*.html"):
        template = path.relative_to(folder).as_posix()
        engines["django"].get_template(template).render()
call_command("check", deploy=True, fail_level="ERROR")
"""


@pytest.fixture(scope="module")
def nothing_set(python):
    """The settings without a config var; DJANGO_DEBUG has no effect alone."""
    return json.loads(python("-c", SETTINGS, DJANGO_DEBUG="1").stdout)


@pytest.fixture(scope="module")
def development(python):
    """The settings on your own machine."""
    return json.loads(python("-c", SETTINGS, DJANGO_LOCAL="1").stdout)


@pytest.fixture(scope="module")
def deploy(python, tmp_path_factory):
    """A deploy in production's environment."""
    folder = str(tmp_path_factory.mktemp("staticfiles"))
    return python("-c", SETTINGS + DEPLOY, folder, **PRODUCTION)


@pytest.fixture(scope="module")
def dyno(deploy):
    """The settings of a web dyno."""
    return json.loads(deploy.stdout.splitlines()[0])


def test_with_nothing_set_the_site_is_closed(nothing_set):
    assert nothing_set["DEBUG"] is False
    assert nothing_set["SECURE_SSL_REDIRECT"] is True
    assert nothing_set["SESSION_COOKIE_SECURE"] is True
    assert nothing_set["CSRF_COOKIE_SECURE"] is True
    assert nothing_set["SECRET_KEY"] != nothing_set["DEVELOPMENT_KEY"]


def test_with_nothing_set_no_host_is_answered(nothing_set):
    assert "*" not in nothing_set["ALLOWED_HOSTS"]
    assert ".herokuapp.com" not in nothing_set["ALLOWED_HOSTS"]


def test_a_dyno_is_closed_too(dyno):
    assert dyno["DEBUG"] is False
    assert dyno["SECURE_SSL_REDIRECT"] is True
    assert dyno["SECURE_HSTS_SECONDS"] > 0
    assert dyno["SECRET_KEY"] == PRODUCTION["DJANGO_SECRET_KEY"]


def test_a_dyno_answers_its_own_domain_and_those_listed(dyno):
    hosts = {"www.example.com", "example.com", ".herokuapp.com"}
    assert hosts <= {*dyno["ALLOWED_HOSTS"]}


def test_a_dyno_uses_its_database_over_tls(dyno):
    database = dyno["DATABASES"]["default"]
    assert database["HOST"] == "db.example.com"
    assert database["OPTIONS"]["sslmode"] != "disable"
    assert database["CONN_HEALTH_CHECKS"] is True


def test_a_dyno_sends_mail_by_its_mail_server(dyno):
    if "MAILERS" not in dyno:
        pytest.skip("This site sends no mail")
    assert dyno["MAILERS"]["default"]["OPTIONS"]["host"] == "mail.example.com"


def test_cookies_of_a_dyno_are_bound_to_this_host_and_https(dyno):
    for name in ("SESSION", "CSRF"):
        assert dyno[f"{name}_COOKIE_NAME"].startswith("__Host-")
        assert dyno[f"{name}_COOKIE_SECURE"] is True


def test_tasks_of_a_dyno_wait_for_the_worker(dyno):
    if "django_tasks_db" not in dyno["INSTALLED_APPS"]:
        pytest.skip("This site has no worker")
    assert "immediate" not in dyno["TASKS"]["default"]["BACKEND"]


def test_development_answers_this_machine_only_over_plain_http(development):
    assert {*development["ALLOWED_HOSTS"]} >= {".localhost", "127.0.0.1"}
    assert ".herokuapp.com" not in development["ALLOWED_HOSTS"]
    assert development["SECURE_SSL_REDIRECT"] is False
    assert development["SECURE_HSTS_SECONDS"] == 0


def test_development_needs_no_service(development):
    assert "sqlite" in development["DATABASES"]["default"]["ENGINE"]
    mailers = development.get("MAILERS", {})
    assert all("console" in mailer["BACKEND"] for mailer in mailers.values())


def test_a_deploy_collects_renders_every_page_and_has_nothing_to_report(deploy):
    assert deploy.returncode == 0, deploy.stderr
