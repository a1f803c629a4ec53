"""What manage.py and the site's settings make of config vars."""

import json
import subprocess

import heroku
import pytest
from projects import packages

KEY = "a-secret-key-for-tests-0123456789-abcdefghijklmnopqrst"
REDIS = "rediss://:password@redis.example.com:6380"
URL = "postgres://user:password@db.example.com:5432/name"
DYNO = {"DYNO": "web.1"}


@pytest.fixture(scope="module")
def python(source):
    """Return a function that runs Python in the project with these config vars only."""
    program = packages(source) / "bin/python"

    def run(*arguments, **config_vars):
        command = [program, "-W", "error", *arguments]
        env = heroku.environment(source, **config_vars)
        options = {"capture_output": True, "text": True}
        return subprocess.run(command, cwd=source, env=env, **options)

    return run


@pytest.fixture(scope="module")
def settings_of(python):
    """Return a function that returns the settings under these config vars alone."""
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


def test_runserver_turns_debug_on_but_not_where_there_is_a_key(python):
    code = (
        "import sys; sys.argv = ['manage.py', 'runserver']; import manage;"
        "from django.core import management as m;"
        "m.execute_from_command_line = lambda argv: None; manage.main();"
        "from mysite import settings; print(settings.DEBUG)"
    )
    assert python("-c", code).stdout == "True\n"
    local = python("-c", code, DJANGO_SECRET_KEY="key", DJANGO_LOCAL="1")
    assert local.stdout == "True\n" and local.stderr == ""
    server = python("-c", code, DJANGO_SECRET_KEY="key")
    assert server.stdout == "False\n"
    assert "unset DJANGO_SECRET_KEY" in server.stderr


@pytest.mark.parametrize(
    "arguments, config_vars, said",
    [
        ("manage.py test polls", {}, "Fix: bin/test polls\n"),
        ("-S manage.py check", {}, ". .venv/bin/activate"),
        ("manage.py migrate", {}, "heroku addons:create heroku-postgresql"),
        ("manage.py check", {"DJANGO_SETTINGS_MODULE": "shop"}, "Fix: unset "),
        (
            "manage.py collectstatic --noinput --dry-run --traceback",
            {"DJANGO_HSTS_SECONDS": "1 year"},
            "DJANGO_HSTS_SECONDS is not a whole number. Fix: heroku config",
        ),
    ],
)
def test_manage_says_in_one_line_what_to_run_instead(
    python, arguments, config_vars, said
):
    config_vars = config_vars | {"DYNO": "run.1", "DJANGO_SECRET_KEY": KEY}
    result = python(*arguments.split(), **config_vars)
    assert result.returncode == 1
    assert said in result.stderr and result.stderr.count("\n") == 1


def test_with_nothing_set_the_site_is_closed(settings_of):
    settings = settings_of(DJANGO_DEBUG="1")
    assert settings["DEBUG"] is False
    assert settings["SECURE_SSL_REDIRECT"] is True
    assert settings["SESSION_COOKIE_SECURE"] is settings["CSRF_COOKIE_SECURE"] is True
    assert settings["ALLOWED_HOSTS"] == []


@pytest.mark.parametrize("place", [{}, DYNO], ids=["a machine", "Heroku CI"])
def test_development_answers_this_machine_only_and_needs_no_service(settings_of, place):
    settings = settings_of(DJANGO_LOCAL="1", **place)
    assert {*settings["ALLOWED_HOSTS"]} == {".localhost", "127.0.0.1", "[::1]"}
    assert settings["SECURE_SSL_REDIRECT"] is False
    assert "SECURE_HSTS_SECONDS" not in settings
    assert "console" in settings["MAILERS"]["default"]["BACKEND"]
    assert "sqlite3" in settings["DATABASES"]["default"]["ENGINE"]


def test_a_dyno_without_a_database_has_another_key_at_each_boot(settings_of):
    first, second = settings_of(**DYNO), settings_of(**DYNO)
    keys = {first["SECRET_KEY"], second["SECRET_KEY"], first["DEVELOPMENT_KEY"], ""}
    assert len(keys) == 4
    assert "dummy" in first["DATABASES"]["default"]["ENGINE"]
    assert "LocMemCache" in first["CACHES"]["default"]["BACKEND"]


def test_a_dyno_with_a_database_needs_a_key_and_has_its_cache_there(settings_of):
    settings = settings_of(**DYNO, DATABASE_URL=URL)
    assert settings["SECRET_KEY"] == ""
    assert "DatabaseCache" in settings["CACHES"]["default"]["BACKEND"]


def test_a_dyno_uses_its_config_vars(settings_of):
    settings = settings_of(
        **DYNO,
        DATABASE_URL=URL,
        DJANGO_ALLOWED_HOSTS="www.example.com, example.com",
        DJANGO_HSTS_SECONDS="31536000",
        DJANGO_SECRET_KEY=KEY,
        DJANGO_SECRET_KEY_FALLBACKS="old older",
        DJANGO_TRUSTED_HOPS="2",
        REDIS_URL=REDIS,
    )
    hosts = {"www.example.com", "example.com", ".herokuapp.com"}
    assert hosts == {*settings["ALLOWED_HOSTS"]}
    assert settings["SECURE_HSTS_SECONDS"] == 31536000
    assert settings["SECRET_KEY"] == KEY
    assert settings["SECRET_KEY_FALLBACKS"] == ["old", "older"]
    assert settings["TRUSTED_HOPS"] == 2
    assert "FailOpenRedisCache" in settings["CACHES"]["default"]["BACKEND"]
    assert settings["DEFAULT_EXCEPTION_REPORTER_FILTER"] == "dyno.logs.ReportFilter"
    # Heroku signs its own certificate.
    assert settings["CACHES"]["default"]["OPTIONS"]["ssl_cert_reqs"] is None
    # A session out of Redis could be one that has been logged out meanwhile.
    assert "SESSION_ENGINE" not in settings


def test_off_heroku_the_certificate_of_redis_is_verified(settings_of):
    cache = settings_of(REDIS_URL=REDIS)["CACHES"]["default"]
    assert "ssl_cert_reqs" not in cache["OPTIONS"]
