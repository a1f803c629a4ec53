"""What a release is refused for, and what it says: in a sentence, without a secret."""

import heroku
import parts
import pytest
from releases import OLD_STAYS, RELEASE, release


@pytest.fixture
def locked_out(site):
    """The slug, and config vars with a wrong password for the database."""
    slug, config_vars, _ = site
    url = config_vars["DATABASE_URL"]
    assert parts.PASSWORD in url
    url = url.replace(parts.PASSWORD, "sw0rdfish")
    return slug, config_vars | {"DATABASE_URL": url}


def test_a_database_that_cannot_be_used_is_told_in_a_sentence(locked_out):
    passed, output, _ = release(*locked_out)
    assert not passed
    assert "Traceback" not in output
    assert "The database in DATABASE_URL cannot be used: " in output
    assert "password authentication failed" in output
    assert "Fix: " in output and "heroku pg:" not in output
    assert OLD_STAYS in output and "heroku releases:retry" in output
    assert "sw0rdfish" not in output and "postgres://" not in output


def test_off_heroku_no_command_of_heroku_is_named(locked_out):
    slug, config_vars = locked_out
    config_vars["DJANGO_ALLOWED_HOSTS"] = "www.example.com"
    passed, output, _ = release(slug, config_vars, f"env -u DYNO {RELEASE}")
    assert not passed
    last = output.splitlines()[-1]
    assert "cannot be used: " in last and "Then: python manage.py release" in last
    assert "heroku" not in last


def test_a_user_who_may_not_migrate_is_told_what_to_grant(site, postgres):
    slug, config_vars, name = site
    postgres.psql("ALTER SCHEMA public OWNER TO postgres", name)
    postgres.psql("REVOKE CREATE ON SCHEMA public FROM public, dyno", name)
    passed, output, _ = release(slug, config_vars)
    assert not passed and "Traceback" not in output
    assert "A migration failed: the user may not change it. Fix: GRANT CREATE" in output
    assert OLD_STAYS in output and "heroku releases:retry" in output


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
    names = ["DJANGO_SECRET_KEY", "DATABASE_URL", "EMAIL_URL", "REDIS_URL"]
    names += ["DATABASE_POOL_SIZE", "DATABASE_STATEMENT_TIMEOUT", "WEB_CONCURRENCY"]
    names += ["DJANGO_STATIC_HOST", "DJANGO_LOG_LEVEL", "DJANGO_ADMINS"]
    passed, output, _ = release(slug, dict.fromkeys(names, "sw0rdfish"))
    assert not passed
    for code in ("E001", "E004", "E012", "E013", "E040"):
        assert f"deploy.{code}" in output
    assert "sw0rdfish" not in output
    assert "Traceback" not in output


def test_a_model_that_changed_without_a_migration_is_refused(shop, secret_key):
    models = "from django.db import models\n\nclass Order(models.Model):\n    pass\n"
    (shop / "shop/models.py").write_text(models)
    passed, output, _ = release(shop, {"DJANGO_SECRET_KEY": secret_key})
    assert not passed
    assert "A model changed without a migration: Migrations for 'shop'" in output
    assert "Create model Order" in output
    fix = "Fix: python manage.py makemigrations mysite shop, commit and push"
    assert fix in output


def test_a_build_without_the_databases_driver_is_refused(copy_project, capsys):
    project = copy_project("driverless")
    for name in ("psycopg", "psycopg2"):
        project.write(f"{name}/__init__.py", "raise ImportError")
    url = "postgres://user:password@db.example.com/name"
    with pytest.raises(heroku.Refused):
        project.build(DATABASE_URL=url)
    said = capsys.readouterr().out
    assert "Error loading psycopg2 or psycopg module" in said
    assert "Traceback" not in said
