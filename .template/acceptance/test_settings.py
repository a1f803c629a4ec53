"""What manage.py and the site's settings make of config vars."""

import json
import os
import subprocess

import heroku
import pytest

KEY = "a-secret-key-for-tests-0123456789-abcdefghijklmnopqrst"
URL = "postgres://user:password@db.example.com:5432/name"
DYNO = {"DYNO": "web.1"}
CI = {"DYNO": "test.1", "CI": "true", "DJANGO_LOCAL": "1"}
CACHES = "django.core.cache.backends"


@pytest.fixture(scope="module")
def python(source):
    """Return a function that runs Python in the project with these config vars only."""
    version = (source / "runtime.txt").read_text().strip().removeprefix("python-")
    program = heroku.installed(version, source / "requirements-test.txt") / "bin/python"

    def run(*arguments, **config_vars):
        env = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8"} | config_vars
        run = subprocess.run(
            [program, "-W", "error", *arguments],
            cwd=source,
            env=env,
            capture_output=True,
            text=True,
        )
        return run

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
    "arguments, said",
    [
        (["manage.py", "test", "polls"], "Fix: bin/test polls\n"),
        (["-S", "manage.py", "check"], ". .venv/bin/activate"),
        (["manage.py", "migrate"], "heroku addons:create heroku-postgresql"),
    ],
    ids=["test", "without Django", "without a database"],
)
def test_manage_says_in_one_line_what_to_run_instead(python, arguments, said):
    result = python(*arguments, DYNO="run.1", DJANGO_SECRET_KEY=KEY)
    assert result.returncode == 1
    assert said in result.stderr and result.stderr.count("\n") == 1


def test_development_needs_no_static_files_but_production_does(python):
    code = (
        "from django.template.loader import get_template;"
        "print(get_template('500.html').render())"
    )
    command = ("manage.py", "shell", "--no-imports", "--command", code)
    page = python(*command, DJANGO_LOCAL="1")
    assert '"/static/site.css"' in page.stdout, page.stderr
    forgotten = python(*command)
    assert "Missing staticfiles manifest entry" in forgotten.stderr


def test_the_build_accepts_what_settings_add_to_the_database(python):
    code = (
        "import django; from mysite import settings; from django.db import connections;"
        "settings.DATABASES['default']['ATOMIC_REQUESTS'] = True;"
        "settings.DATABASES['default']['OPTIONS']['sslmode'] = 'verify-full';"
        "django.setup(); print(connections['default'].vendor)"
    )
    result = python("-c", code, **DYNO, DJANGO_SETTINGS_MODULE="mysite.settings")
    assert result.stdout == "unknown\n", result.stderr


@pytest.mark.parametrize("place", [{}, DYNO, {"DYNO": "u12345", "STACK": "heroku-24"}])
def test_with_nothing_set_the_site_is_closed(settings_of, place):
    settings = settings_of(**place, DJANGO_DEBUG="1")
    assert settings["DEBUG"] is False
    assert settings["SECURE_SSL_REDIRECT"] is True
    assert settings["SECURE_HSTS_SECONDS"] == 3600
    assert settings["SESSION_COOKIE_SECURE"] is settings["CSRF_COOKIE_SECURE"] is True
    assert settings["SECRET_KEY"] != settings["DEVELOPMENT_KEY"]
    assert settings["ALLOWED_HOSTS"] == ([".herokuapp.com"] if place else [])


def test_a_dyno_uses_its_config_vars_and_services(settings_of):
    hosts = {"DJANGO_ALLOWED_HOSTS": "www.example.com, example.com"}
    mail = {"EMAIL_URL": "smtp://user:password@mail.example.com"}
    settings = settings_of(
        **DYNO,
        **hosts,
        **mail,
        DATABASE_URL=URL,
        DJANGO_SECRET_KEY=KEY,
        DJANGO_SECRET_KEY_FALLBACKS="old older",
        DJANGO_HSTS_SECONDS="31536000",
    )
    assert settings["SECURE_HSTS_SECONDS"] == 31536000
    assert settings["SECRET_KEY"] == KEY
    assert settings["SECRET_KEY_FALLBACKS"] == ["old", "older"]
    hosts = {"www.example.com", "example.com", ".herokuapp.com"}
    assert hosts == {*settings["ALLOWED_HOSTS"]}
    database = settings["DATABASES"]["default"]
    assert database["HOST"] == "db.example.com"
    assert database["OPTIONS"]["sslmode"] == "require"
    assert database["CONN_HEALTH_CHECKS"] is True
    assert settings["MAILERS"]["default"]["OPTIONS"]["host"] == "mail.example.com"
    assert settings["TASKS"]["default"]["BACKEND"] == "django_tasks_db.DatabaseBackend"


def test_development_answers_this_machine_only_and_needs_no_service(settings_of):
    settings = settings_of(DJANGO_LOCAL="1")
    assert {*settings["ALLOWED_HOSTS"]} == {".localhost", "127.0.0.1", "[::1]"}
    assert settings["SECURE_SSL_REDIRECT"] is False
    assert "SECURE_HSTS_SECONDS" not in settings
    assert "console" in settings["MAILERS"]["default"]["BACKEND"]


def test_without_a_database_each_boot_makes_a_random_key(settings_of):
    first, second = settings_of(**DYNO), settings_of(**DYNO)
    assert len({first["SECRET_KEY"], second["SECRET_KEY"], ""}) == 3
    assert settings_of(**DYNO, DATABASE_URL=URL)["SECRET_KEY"] == ""


def test_a_build_names_a_config_var_that_should_be_a_number(python):
    collect = ["manage.py", "collectstatic", "--noinput", "--dry-run", "--traceback"]
    result = python(*collect, **DYNO, DJANGO_HSTS_SECONDS="1 year")
    assert result.returncode == 1
    cause = "DJANGO_HSTS_SECONDS is not a whole number. Fix: heroku config"
    assert result.stderr.startswith(cause)
    assert result.stderr.count("\n") == 1 and "year" not in result.stderr


@pytest.mark.parametrize("module", ["othersite.settings", ""])
def test_settings_of_another_project_are_told(python, module):
    result = python("manage.py", "check", DJANGO_SETTINGS_MODULE=module)
    assert result.returncode == 1
    assert "Fix: unset DJANGO_SETTINGS_MODULE" in result.stderr
    assert result.stderr.count("\n") == 1


def test_the_cache_is_redis_the_database_or_the_memory(settings_of):
    redis = {"REDIS_URL": "rediss://:password@redis.example.com:6380"}
    settings = settings_of(**DYNO, **redis, DATABASE_URL=URL)
    cache = settings["CACHES"]["default"]
    assert cache["BACKEND"] == "dyno.cache.FailOpenRedisCache"
    assert cache["OPTIONS"]["ssl_cert_reqs"] is None  # Heroku signs its own
    # A session out of Redis could be one that has been logged out meanwhile.
    assert "SESSION_ENGINE" not in settings
    cache = settings_of(**DYNO, DATABASE_URL=URL)["CACHES"]["default"]
    assert cache["BACKEND"] == f"{CACHES}.db.DatabaseCache"
    cache = settings_of(**DYNO)["CACHES"]["default"]
    assert cache["BACKEND"] == f"{CACHES}.locmem.LocMemCache"


def test_sqlite_is_for_development_and_never_for_a_dyno(settings_of):
    for place in ({}, {"DJANGO_LOCAL": "1"}, CI):
        assert "sqlite" in settings_of(**place)["DATABASES"]["default"]["ENGINE"]
    for url in ({}, {"DATABASE_URL": "nonsense"}):
        engine = settings_of(**DYNO, **url)["DATABASES"]["default"]["ENGINE"]
        assert engine == "django.db.backends.dummy"
