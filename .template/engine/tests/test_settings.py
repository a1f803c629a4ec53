"""The settings in the places that they meet."""

import pytest

from .conftest import SECRET_KEY

LAPTOP = {"DJANGO_LOCAL": "1"}
BUILD = {"DYNO": "u12345", "STACK": "heroku-24", "SOURCE_VERSION": "abc"}
DYNO = {"DYNO": "web.1"}
HEROKU_CI = {"DYNO": "test.1", "CI": "true", "DISABLE_COLLECTSTATIC": "1"}


@pytest.mark.parametrize("place", [{}, BUILD, DYNO, HEROKU_CI])
def test_with_nothing_set_the_site_is_closed(settings_of, place):
    settings = settings_of(**place)
    assert settings["DEBUG"] is False
    assert settings["SECURE_SSL_REDIRECT"] is True
    assert settings["SESSION_COOKIE_SECURE"] is settings["CSRF_COOKIE_SECURE"] is True
    assert settings["SECRET_KEY"] == ""
    assert "*" not in settings["ALLOWED_HOSTS"]


def test_off_heroku_no_host_is_answered_until_one_is_listed(settings_of):
    assert settings_of()["ALLOWED_HOSTS"] == []
    settings = settings_of(DJANGO_ALLOWED_HOSTS="a.example.com, b.example.com")
    assert settings["ALLOWED_HOSTS"] == ["a.example.com", "b.example.com"]


def test_a_dyno_answers_its_own_domain_and_those_listed(settings_of):
    settings = settings_of(**DYNO, DJANGO_ALLOWED_HOSTS="example.com")
    assert settings["ALLOWED_HOSTS"] == ["example.com", ".herokuapp.com"]


def test_a_laptop_answers_only_itself_over_plain_http_and_without_debug(settings_of):
    settings = settings_of(**LAPTOP)
    assert settings["ALLOWED_HOSTS"] == [".localhost", "127.0.0.1", "[::1]"]
    assert settings["SECURE_SSL_REDIRECT"] is settings["DEBUG"] is False
    assert settings["SECRET_KEY"] == settings["DEVELOPMENT_KEY"]


@pytest.mark.parametrize("place", [{}, DYNO])
def test_debug_asked_for_without_a_laptop_stays_off(settings_of, place):
    assert settings_of(DJANGO_DEBUG="1", **place)["DEBUG"] is False


def test_runserver_turns_debug_on_but_not_where_there_is_a_key(python):
    code = (
        "import sys; sys.argv = ['manage.py', 'runserver']; import manage;"
        "from django.core import management as m;"
        "m.execute_from_command_line = lambda argv: None; manage.main();"
        "from mysite import settings; print(settings.DEBUG)"
    )
    assert python("-c", code).stdout == "True\n"
    laptop = python("-c", code, DJANGO_SECRET_KEY="key", DJANGO_LOCAL="1")
    assert laptop.stdout == "True\n" and laptop.stderr == ""
    server = python("-c", code, DJANGO_SECRET_KEY="key")
    assert server.stdout == "False\n"
    assert "unset DJANGO_SECRET_KEY" in server.stderr


@pytest.mark.parametrize(
    "arguments, told",
    [
        (["manage.py", "test"], "run bin/test"),
        (["-S", "manage.py", "check"], ". .venv/bin/activate"),
        (["manage.py", "migrate"], "heroku addons:create heroku-postgresql"),
    ],
    ids=["test", "without Django", "without a database"],
)
def test_manage_says_in_one_line_what_to_run_instead(python, arguments, told):
    result = python(*arguments, DYNO="run.1", DJANGO_SECRET_KEY=SECRET_KEY)
    assert result.returncode == 1
    assert told in result.stderr and result.stderr.count("\n") == 1


def test_the_key_can_be_rotated(settings_of):
    settings = settings_of(DJANGO_SECRET_KEY_FALLBACKS="old older")
    assert settings["SECRET_KEY_FALLBACKS"] == ["old", "older"]


@pytest.mark.parametrize(
    "asked, seconds", [("", 3600), ("31536000", 31536000), ("a year", 3600)]
)
def test_hsts_starts_with_an_hour_and_is_a_year_when_asked(settings_of, asked, seconds):
    assert settings_of(DJANGO_HSTS_SECONDS=asked)["SECURE_HSTS_SECONDS"] == seconds


def test_postgres_connections_are_kept_checked_and_encrypted(settings_of):
    database = settings_of(DATABASE_URL="postgres://u:p@h/name", **DYNO)["DATABASES"]
    assert database["default"]["CONN_MAX_AGE"] == 600
    assert database["default"]["CONN_HEALTH_CHECKS"] is True
    assert database["default"]["OPTIONS"]["sslmode"] == "require"
    assert database["default"]["OPTIONS"]["connect_timeout"] <= 5


def test_the_sslmode_that_the_url_names_is_left_alone(settings_of):
    url = "postgres://u:p@h/name?sslmode=verify-full"
    database = settings_of(DATABASE_URL=url)["DATABASES"]["default"]
    assert database["OPTIONS"]["sslmode"] == "verify-full"


def test_a_laptops_postgres_needs_no_tls(settings_of):
    database = settings_of(DATABASE_URL="postgres://localhost/name", **LAPTOP)
    assert "sslmode" not in database["DATABASES"]["default"]["OPTIONS"]


def test_a_password_with_escaped_characters_arrives_whole(settings_of):
    database = settings_of(DATABASE_URL="postgres://u:a%23b%2Fc%40d@h/name")
    assert database["DATABASES"]["default"]["PASSWORD"] == "a#b/c@d"


@pytest.mark.parametrize("url", ["", "nonsense", "mongodb://u:p@h/d", "postgres://[@h"])
def test_a_bad_database_url_leaves_it_to_the_release_to_tell_all(settings_of, url):
    assert settings_of(DATABASE_URL=url, **BUILD)["DATABASES"] == {}


def test_sqlite_is_for_laptops_and_never_for_a_dyno(settings_of):
    for place in ({}, LAPTOP, HEROKU_CI | LAPTOP):
        assert "sqlite" in settings_of(**place)["DATABASES"]["default"]["ENGINE"]
    assert settings_of(**DYNO)["DATABASES"] == {}


def test_check_deploy_has_nothing_to_report_in_production(python, production, tmp_path):
    code = (
        "import sys, django; from pathlib import Path;"
        "from django.conf import settings;"
        "from django.core.management import call_command as call;"
        "settings.STATIC_ROOT = Path(sys.argv[1]); django.setup();"
        # Which Python tests, and that .venv is here where nobody ran `git init` yet.
        "settings.SILENCED_SYSTEM_CHECKS += ['deploy.W023', 'deploy.E029'];"
        "call('collectstatic', interactive=False, verbosity=0);"
        "call('check', deploy=True, fail_level='WARNING')"
    )
    result = python("-c", code, str(tmp_path), **production)
    assert result.returncode == 0, result.stderr
