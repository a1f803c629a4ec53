"""What a release is refused for, and what it says: in a sentence, without a secret."""

import shutil

import heroku
import parts
import pytest
from releases import OLD_STAYS, RELEASE, release


def unreachable(output, words):
    """Assert that this is one sentence with a command in it, and nothing secret."""
    assert "Traceback" not in output
    assert words in output, output
    assert "The database in DATABASE_URL cannot be used: " in output
    assert "Fix: " in output and "heroku pg:" not in output
    assert OLD_STAYS in output and "heroku releases:retry" in output
    assert parts.PASSWORD not in output and "postgres://" not in output


def test_a_wrong_password_is_told_without_it(site):
    slug, config_vars, _ = site
    config_vars["DATABASE_URL"] = config_vars["DATABASE_URL"].replace(
        "a-pass", "a-past"
    )
    passed, output, _ = release(slug, config_vars)
    assert not passed
    unreachable(output, "password authentication failed")
    assert "a-past" not in output


def test_off_heroku_no_command_of_heroku_is_named(site):
    slug, config_vars, _ = site
    url = config_vars["DATABASE_URL"].replace("a-pass", "a-past")
    config_vars |= {"DATABASE_URL": url, "DJANGO_ALLOWED_HOSTS": "www.example.com"}
    passed, output, _ = release(slug, config_vars, f"env -u DYNO {RELEASE}")
    assert not passed
    last = output.splitlines()[-1]
    assert "cannot be used: " in last and "Then: python manage.py release" in last
    assert "heroku" not in last


def test_a_server_that_is_down_is_told(site):
    slug, config_vars, name = site
    port = parts.free_port()
    config_vars["DATABASE_URL"] = f"postgres://dyno:a-password@127.0.0.1:{port}/{name}"
    passed, output, _ = release(slug, config_vars)
    assert not passed
    unreachable(output, "refused")


def test_a_host_that_is_not_there_is_told(site):
    slug, config_vars, _ = site
    config_vars["DATABASE_URL"] = "postgres://dyno:a-password@nohost.invalid/name"
    passed, output, _ = release(slug, config_vars)
    assert not passed
    unreachable(output, "nohost.invalid")


def test_a_plan_without_a_free_connection_is_told(site, postgres):
    slug, config_vars, name = site
    postgres.psql(f'ALTER DATABASE "{name}" CONNECTION LIMIT 0')
    passed, output, _ = release(slug, config_vars)
    assert not passed
    unreachable(output, "too many connections")


def test_a_database_that_is_not_there_is_told(site, postgres):
    slug, config_vars, name = site
    postgres.drop(name)
    passed, output, _ = release(slug, config_vars)
    assert not passed
    unreachable(output, "does not exist")


def test_a_first_push_without_a_database_passes_and_names_the_add_on(slug, secret_key):
    passed, output, _ = release(slug, {"DJANGO_SECRET_KEY": secret_key})
    assert passed, output
    assert "heroku addons:create heroku-postgresql:essential-0" in output


def test_a_first_push_without_a_key_passes(slug):
    passed, output, _ = release(slug, {})
    assert passed, output
    with heroku.Dyno(slug, {}) as dyno:
        clients = [heroku.Client(dyno.port) for _ in range(8)]
        for client in clients:
            client.get("/admin/login/")
        assert [client.get("/").status for client in clients] == [200] * 8


def test_with_a_database_the_key_is_required(site):
    slug, config_vars, _ = site
    passed, output, _ = release(slug, {"DATABASE_URL": config_vars["DATABASE_URL"]})
    assert not passed
    assert "deploy.E001" in output and "DJANGO_SECRET_KEY is not set" in output
    assert OLD_STAYS in output and "heroku releases:retry" in output


def test_every_mistake_is_told_at_once_and_no_value_is(slug):
    config_vars = {
        "DJANGO_SECRET_KEY": "sw0rdfish",
        "DATABASE_URL": "sw0rdfish",
        "EMAIL_URL": "sw0rdfish",
        "REDIS_URL": "sw0rdfish",
        "DATABASE_POOL_SIZE": "sw0rdfish",
        "DATABASE_STATEMENT_TIMEOUT": "sw0rdfish",
        "DJANGO_STATIC_HOST": "sw0rdfish",
        "DJANGO_LOG_LEVEL": "sw0rdfish",
        "DJANGO_ADMINS": "sw0rdfish",
    }
    passed, output, _ = release(slug, config_vars)
    assert not passed
    for code in ("E001", "E004", "E012", "E013", "E040"):
        assert f"deploy.{code}" in output
    assert "sw0rdfish" not in output
    assert "Traceback" not in output


@pytest.mark.parametrize(
    "url",
    [
        "postgres://u:p@127.0.0.1:1/name?conn_max_age=5",
        "postgres://u:p@127.0.0.1:1/name?CONN_MAX_AGE=x",
        "postgres://u:p@127.0.0.1:1",
        "postgres://u:p@127.0.0.1:1/name?isolation_level=READ+COMMITTED",
        "postgres://u:p@127.0.0.1:1/name?connect_timeout=5s",
    ],
)
def test_a_database_that_cannot_be_configured_is_told_as_such(slug, secret_key, url):
    config_vars = {"DJANGO_SECRET_KEY": secret_key, "DATABASE_URL": url}
    passed, output, _ = release(slug, config_vars)
    assert not passed
    assert "Traceback" not in output
    assert "(deploy.E004) DATABASE_URL" in output


@pytest.mark.parametrize(
    "name, said",
    [
        ("WEB_CONCURRENCY", "(deploy.E040) WEB_CONCURRENCY does not look like 2."),
        ("WEB_THREADS", "WEB_THREADS is not a whole number. Fix: heroku config:set"),
    ],
)
def test_a_number_that_gunicorn_cannot_read_is_told_by_its_config_var(
    slug, secret_key, name, said
):
    config_vars = {"DJANGO_SECRET_KEY": secret_key, name: "sw0rdfish"}
    passed, output, _ = release(slug, config_vars)
    assert not passed
    assert said in output
    assert "sw0rdfish" not in output
    assert "invalid literal" not in output


@pytest.mark.parametrize(
    "web, missing",
    [
        ("gunicorn -k gevent", "gevent"),
        ("daphne mysite.asgi:application", "daphne"),
        ("newrelic-admin run-program gunicorn", "newrelic-admin"),
    ],
)
def test_a_program_of_the_procfile_that_is_not_installed_is_told(
    slug, tmp_path, secret_key, web, missing
):
    slug = shutil.copytree(slug, tmp_path / "slug", symlinks=True)
    text = (slug / "Procfile").read_text()
    (slug / "Procfile").write_text(text.replace("web: gunicorn", f"web: {web}"))
    passed, output, _ = release(slug, {"DJANGO_SECRET_KEY": secret_key})
    assert not passed
    assert "(deploy.E026) The web process does not start: " in output
    assert missing in output


@pytest.mark.parametrize("more", [" --workers ${WEB_CONCURRENCY:-2}", " 2>&1"])
def test_a_procfile_that_a_shell_completes_is_passed(slug, tmp_path, secret_key, more):
    slug = shutil.copytree(slug, tmp_path / "slug", symlinks=True)
    text = (slug / "Procfile").read_text()
    (slug / "Procfile").write_text(
        text.replace("web: gunicorn", f"web: gunicorn{more}")
    )
    passed, output, _ = release(slug, {"DJANGO_SECRET_KEY": secret_key})
    assert passed, output


def test_a_page_that_names_no_static_file_is_refused(slug, tmp_path, secret_key):
    slug = shutil.copytree(slug, tmp_path / "slug", symlinks=True)
    page = slug / "templates/home.html"
    page.write_text(page.read_text().replace("'site.js'", "'nosuch.js'"))
    passed, output, _ = release(slug, {"DJANGO_SECRET_KEY": secret_key})
    assert not passed
    assert "home.html names nosuch.js" in output


def test_a_model_that_changed_without_a_migration_is_refused(shop, secret_key):
    models = "from django.db import models\n\nclass Order(models.Model):\n    pass\n"
    (shop / "shop/models.py").write_text(models)
    passed, output, _ = release(shop, {"DJANGO_SECRET_KEY": secret_key})
    assert not passed
    assert "A model changed without a migration: Migrations for 'shop'" in output
    assert "Create model Order" in output
    fix = "Fix: python manage.py makemigrations mysite shop, commit and push"
    assert fix in output


def test_a_build_without_the_databases_driver_is_refused(source, tmp_path, secret_key):
    without = tmp_path / "source"
    shutil.copytree(source, without)
    for name in ("psycopg", "psycopg2"):
        (without / name).mkdir()
        (without / name / "__init__.py").write_text("raise ImportError")
    config_vars = {
        "DJANGO_SECRET_KEY": secret_key,
        "DATABASE_URL": "postgres://user:password@db.example.com/name",
    }
    lines = []
    with pytest.raises(heroku.Refused):
        heroku.build(without, tmp_path / "slug", config_vars, echo=lines.append)
    assert "Error loading psycopg2 or psycopg module" in "\n".join(lines)
