"""The release phase against a real PostgreSQL: alone, in a race, and out of luck."""

import contextlib
import re
import subprocess
from concurrent.futures import ThreadPoolExecutor

import heroku
import parts
import pytest
from deployment import post
from projects import append, change
from releases import OLD_STAYS, RELEASE, copy_slug, release

VISITED = """==> The page / answers 200
==> The page /no-such-page answers 404
==> The page /admin/login/ answers 200
"""

# Its first migration loses its connection and then says what the next one has.
MIGRATIONS = {
    "__init__.py": "",
    "0001_initial.py": """
from django.db import connection, migrations


def lose_the_connection(apps, schema_editor):
    connection.close()
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT current_setting('lock_timeout'), locktype FROM pg_locks"
            " WHERE locktype = 'advisory' AND pid = pg_backend_pid()"
        )
        print("it has", cursor.fetchall())


class Migration(migrations.Migration):
    atomic = False
    operations = [migrations.RunPython(lose_the_connection)]
""",
    "0002_alter.py": """
from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("shop", "0001_initial")]
    operations = [migrations.RunSQL("ALTER TABLE mysite_user ADD COLUMN shop integer")]
""",
}


@pytest.fixture
def shop(slug, tmp_path):
    """The slug with a second app in it."""
    slug = copy_slug(slug, tmp_path)
    folder = slug / "shop/migrations"
    folder.mkdir(parents=True)
    for name, text in MIGRATIONS.items():
        (folder / name).write_text(text)
    append(slug / "mysite/settings.py", "INSTALLED_APPS += ['shop']\n")
    return slug


@contextlib.contextmanager
def holding(postgres, sql, name):
    """Keep a session open that holds a lock."""
    where = ["-h", postgres.folder, "-p", str(postgres.port), "-U", "postgres", name]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen([parts.need("psql"), "-XAtq", *where], **pipes) as session:
        session.stdin.write(f"{sql} \\g /dev/null\n\\echo held\n")
        session.stdin.flush()
        assert session.stdout.readline() == "held\n"
        yield


def test_a_release_migrates_makes_the_cache_table_and_says_so(site, postgres):
    slug, config_vars, name = site
    passed, output = release(slug, config_vars)
    assert passed, output
    assert "The database default is migrated:" in output
    assert output.endswith(VISITED)
    tables = postgres.psql("SELECT tablename FROM pg_tables", name)
    assert {"mysite_user", "cache"} <= set(tables.split())
    # Old users that were moved are no hindrance.
    postgres.psql("CREATE TABLE auth_user (id integer)", name)
    passed, output = release(slug, config_vars)
    assert passed and "0 applied now" in output


def test_the_advice_for_a_missing_cache_table_works_to_the_letter(site, postgres):
    slug, config_vars, name = site
    assert release(slug, config_vars)[0]
    postgres.psql("DROP TABLE cache", name)
    fields = {"username": "nobody", "password": "wrong"}
    with heroku.Dyno(slug, config_vars) as dyno:
        client = heroku.Client(dyno.port)
        answer = post(client, "/admin/login/", fields)
        assert answer.status == 500 and "Something went wrong" in answer.text
        assert "Retry-After" not in answer.headers
        missing = r"table or column is missing\. Fix: (.*), then (.*?)  \("
        for command in re.search(missing, dyno.log).groups():
            heroku.run(slug, config_vars, command)
        assert post(client, "/admin/login/", fields).status == 200


def test_a_query_at_import_is_told_as_such(site, shop):
    _, config_vars, _ = site
    text = "from .models import User\nNAMES = list(User.objects.all())\n"
    append(shop / "mysite/urls.py", text)
    passed, output = release(shop, config_vars)
    assert not passed
    assert "NAMES = list(User.objects.all())" in output
    assert "A query runs as a module is loaded. Fix: move it into a function" in output


def test_three_releases_at_once_on_an_empty_database_all_succeed(site, postgres):
    slug, config_vars, name = site
    waiting = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"
    with ThreadPoolExecutor(3) as pool:
        with holding(postgres, "SELECT pg_advisory_lock(7370221)", name):
            results = pool.map(release, [slug] * 3, [config_vars] * 3)
            count = f"{waiting} AND NOT granted"
            parts.wait_until(lambda: postgres.psql(count, name) == "3")
        results = list(results)
    assert all(passed for passed, _ in results), results
    assert all("waiting for it" in output for _, output in results)
    assert sum(" 0 applied now" not in output for _, output in results) == 1


def test_a_migration_that_meets_a_locked_table_gives_up_and_says_what_to_do(
    site, shop, postgres
):
    slug, config_vars, name = site
    assert release(slug, config_vars)[0]
    with holding(postgres, "BEGIN; LOCK TABLE mysite_user IN SHARE MODE", name):
        passed, output = release(shop, config_vars)
    assert not passed
    # The connection that migrates may be a new one.
    assert "it has [('5s', 'advisory')]" in output
    assert "Applying shop.0002_alter..." in output
    assert "A migration failed: another process holds a lock" in output
    assert "pg_terminate_backend(PID)" in output
    assert OLD_STAYS in output and "heroku releases:retry" in output
    assert "Traceback" not in output
    assert release(shop, config_vars)[0]


def test_a_release_that_waits_for_another_too_long_says_so(site, shop, postgres):
    _, config_vars, name = site
    change(shop / "dyno/management/commands/release.py", ("10min", "1s"))
    with holding(postgres, "SELECT pg_advisory_lock(7370221)", name):
        passed, output = release(shop, config_vars)
    assert not passed
    assert "Another release migrates: waiting for it, up to 1s" in output
    assert "cannot be used: another process holds a lock" in output
    assert OLD_STAYS in output and "heroku releases:retry" in output
    assert "Traceback" not in output


def test_a_migration_that_fails_ends_in_a_sentence(site, shop):
    _, config_vars, _ = site
    change(shop / "shop/migrations/0002_alter.py", ("shop integer", "no_type"))
    passed, output = release(shop, config_vars)
    assert not passed
    assert "Traceback" not in output
    assert "Applying shop.0002_alter..." in output
    assert "A migration failed: " in output
    assert "rolled back" in output and OLD_STAYS in output
    assert "Fix: correct it, commit it and push" in output


@pytest.mark.parametrize(
    "table", ["auth_user", "django_admin_log"], ids=["auth.User", "a model of its own"]
)
def test_a_database_with_users_of_another_model_is_left_as_it_is(site, postgres, table):
    slug, config_vars, name = site
    postgres.psql(f"CREATE TABLE {table} (id integer)", name)
    passed, output = release(slug, config_vars)
    assert not passed and "Traceback" not in output
    assert f"has the table {table}, but no mysite_user" in output
    assert f"{OLD_STAYS} Fix: " in output
    assert "docs/moving-in.md#users" in output
    tables = "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
    assert postgres.psql(tables, name) == table


def test_a_dyno_whose_database_lacks_migrations_serves_and_ready_says_so(site):
    slug, config_vars, _ = site
    with heroku.Dyno(slug, config_vars) as dyno:
        client = heroku.Client(dyno.port)
        assert client.get("/").status == 200
        ready = client.get("/ready")
        assert client.get("/admin/login/?next=/").status == 200
    assert ready.status == 503
    assert '"migrations": "failed"' in ready.text
    assert "the database default lacks some. Fix: python manage.py release" in dyno.log
    [line] = [line for line in dyno.log.splitlines() if " path=/ready " in line]
    assert line.startswith("level=error logger=access ")


def test_a_database_that_cannot_be_used_is_told_in_a_sentence(site):
    slug, config_vars, _ = site
    url = config_vars["DATABASE_URL"].replace(parts.PASSWORD, "sw0rdfish")
    config_vars |= {"DATABASE_URL": url, "DJANGO_ALLOWED_HOSTS": "www.example.com"}
    passed, output = release(slug, config_vars)
    assert not passed
    assert "Traceback" not in output
    assert "The database in DATABASE_URL cannot be used: " in output
    assert "password authentication failed" in output
    assert "Fix: " in output and "heroku pg:" not in output
    assert OLD_STAYS in output and "heroku releases:retry" in output
    assert "sw0rdfish" not in output and "postgres://" not in output
    passed, output = release(slug, config_vars, f"env -u DYNO {RELEASE}")
    assert not passed
    last = output.splitlines()[-1]
    assert "cannot be used: " in last and "Then: python manage.py release" in last
    assert "heroku" not in last


def test_a_user_who_may_not_migrate_is_told_what_to_grant(site, shop, postgres):
    slug, config_vars, name = site
    advice = "A migration failed: the user may not change it. Fix: GRANT CREATE"
    postgres.psql("ALTER SCHEMA public OWNER TO postgres", name)
    postgres.psql("REVOKE CREATE ON SCHEMA public FROM public, dyno", name)
    passed, output = release(slug, config_vars)
    assert not passed and "Traceback" not in output
    assert advice in output
    assert OLD_STAYS in output and "heroku releases:retry" in output
    postgres.psql("GRANT CREATE ON SCHEMA public TO dyno", name)
    assert release(slug, config_vars)[0]
    postgres.psql("ALTER TABLE mysite_user OWNER TO postgres", name)
    passed, output = release(shop, config_vars)
    assert not passed and advice in output


def test_a_first_push_without_a_key_and_a_database_passes(slug):
    passed, output = release(slug, {})
    assert passed, output
    assert "heroku addons:create heroku-postgresql:essential-0" in output
    with heroku.Dyno(slug, {}) as dyno:
        clients = [heroku.Client(dyno.port) for _ in range(8)]
        for client in clients:
            client.get("/admin/login/")
        assert [client.get("/").status for client in clients] == [200] * 8


def test_with_a_database_the_key_is_required(site):
    slug, config_vars, _ = site
    passed, output = release(slug, {"DATABASE_URL": config_vars["DATABASE_URL"]})
    assert not passed
    assert "deploy.E001" in output and "DJANGO_SECRET_KEY is not set" in output
    assert OLD_STAYS in output and "heroku releases:retry" in output


def test_every_mistake_is_told_at_once_and_no_value_is(slug):
    names = ["DJANGO_SECRET_KEY", "DATABASE_URL", "EMAIL_URL", "REDIS_URL"]
    names += ["DATABASE_POOL_SIZE", "DATABASE_STATEMENT_TIMEOUT", "WEB_CONCURRENCY"]
    names += ["DJANGO_STATIC_HOST", "DJANGO_LOG_LEVEL", "DJANGO_ADMINS"]
    config_vars = dict.fromkeys(names, "sw0rdfish")
    config_vars["DATABASE_URL"] = "postgres://user:sw0rdfish@nowhere"
    passed, output = release(slug, config_vars)
    assert not passed
    for code in ("E001", "E004", "E012", "E013", "E040"):
        assert f"deploy.{code}" in output
    assert "sw0rdfish" not in output
    assert "Traceback" not in output


def test_a_build_without_the_databases_driver_is_refused(copy_project):
    project = copy_project("driverless")
    for name in ("psycopg", "psycopg2"):
        project.write(f"{name}/__init__.py", "raise ImportError")
    url = "postgres://user:password@db.example.com/name"
    with pytest.raises(heroku.Refused, match="Error loading psycopg2 or") as refused:
        project.build(DATABASE_URL=url)
    assert "Traceback" not in str(refused.value)
