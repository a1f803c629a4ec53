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

OLD_STAYS = "The release that was live stays live."

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


HOME = """
def home(request):
    from mysite.models import User

    User.objects.get()
"""


@pytest.fixture
def site(pushed, postgres):
    """This project with an empty database, which is named site."""
    return pushed.app(DATABASE_URL=postgres.create("site"))


@pytest.fixture
def shop(site, tmp_path):
    """The same with a second app in it."""
    shop = site.copy_slug(tmp_path)
    for name, text in MIGRATIONS.items():
        append(shop.slug / "shop/migrations" / name, text)
    append(shop.slug / "mysite/settings.py", "INSTALLED_APPS += ['shop']\n")
    return shop


def refused(step, *arguments):
    """Return what a step says that must fail."""
    with pytest.raises(heroku.Refused) as refused:
        step(*arguments)
    return str(refused.value)


@contextlib.contextmanager
def holding(postgres, sql):
    """Keep a session open that holds a lock."""
    where = ["-h", postgres.folder, "-p", str(postgres.port), "-U", "postgres", "site"]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen([parts.need("psql"), "-XAtq", *where], **pipes) as session:
        session.stdin.write(f"{sql} \\g /dev/null\n\\echo held\n")
        session.stdin.flush()
        assert session.stdout.readline() == "held\n"
        yield


def test_a_release_migrates_makes_the_cache_table_and_says_so(site, postgres):
    output = heroku.release(site.slug, site.config_vars)
    assert "The database default is migrated:" in output
    assert output.endswith(VISITED)
    tables = postgres.psql("SELECT tablename FROM pg_tables", "site")
    assert {"mysite_user", "cache"} <= set(tables.split())
    # Old users that were moved are no hindrance.
    postgres.psql("CREATE TABLE auth_user (id integer)", "site")
    output = heroku.release(site.slug, site.config_vars)
    assert "0 applied now" in output


def test_the_advice_for_a_missing_cache_table_works_to_the_letter(site, postgres):
    site.release()
    postgres.psql("DROP TABLE cache", "site")
    fields = {"username": "nobody", "password": "wrong"}
    with site.dyno() as dyno:
        client = heroku.Client(dyno.port)
        answer = post(client, "/admin/login/", fields)
        assert answer.status == 500 and "Something went wrong" in answer.text
        assert "Retry-After" not in answer.headers
        missing = r"table or column is missing\. Fix: (.*), then (.*?)  \("
        for command in re.search(missing, dyno.log).groups():
            site.run(command)
        assert post(client, "/admin/login/", fields).status == 200


def test_a_query_at_import_is_told_as_such(shop):
    text = "from .models import User\nNAMES = list(User.objects.all())\n"
    append(shop.slug / "mysite/urls.py", text)
    output = refused(shop.release)
    assert "NAMES = list(User.objects.all())" in output
    assert "A query runs as a module is loaded. Fix: move it into a function" in output


def test_three_releases_at_once_on_an_empty_database_all_succeed(site, postgres):
    waiting = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"
    with ThreadPoolExecutor(3) as pool:
        with holding(postgres, "SELECT pg_advisory_lock(7370221)"):
            arguments = (heroku.release, site.slug, site.config_vars)
            running = [pool.submit(*arguments) for _ in range(3)]
            count = f"{waiting} AND NOT granted"
            parts.wait_until(lambda: postgres.psql(count, "site") == "3")
        outputs = [release.result() for release in running]
    assert all("waiting for it" in output for output in outputs)
    assert sum(" 0 applied now" not in output for output in outputs) == 1


def test_a_migration_that_meets_a_locked_table_gives_up_and_says_what_to_do(
    site, shop, postgres
):
    site.release()
    with holding(postgres, "BEGIN; LOCK TABLE mysite_user IN SHARE MODE"):
        output = refused(shop.release)
    # The connection that migrates may be a new one.
    assert "it has [('5s', 'advisory')]" in output
    assert "Applying shop.0002_alter..." in output
    assert "A migration failed: another process holds a lock" in output
    assert "pg_terminate_backend(PID)" in output
    assert OLD_STAYS in output and "heroku releases:retry" in output
    assert "Traceback" not in output
    shop.release()


def test_a_release_that_waits_for_another_too_long_says_so(shop, postgres):
    change(shop.slug / "dyno/management/commands/release.py", ("10min", "1s"))
    with holding(postgres, "SELECT pg_advisory_lock(7370221)"):
        output = refused(shop.release)
    assert "Another release migrates: waiting for it, up to 1s" in output
    assert "cannot be used: another process holds a lock" in output
    assert OLD_STAYS in output and "heroku releases:retry" in output
    assert "Traceback" not in output


def test_a_migration_that_fails_ends_in_a_sentence(shop):
    change(shop.slug / "shop/migrations/0002_alter.py", ("shop integer", "no_type"))
    output = refused(shop.release)
    assert "Traceback" not in output
    assert "Applying shop.0002_alter..." in output
    assert "A migration failed: " in output
    assert "rolled back" in output and OLD_STAYS in output
    assert "Fix: correct it, commit it and push" in output


@pytest.mark.parametrize(
    "table", ["auth_user", "django_admin_log"], ids=["auth.User", "a model of its own"]
)
def test_a_database_with_users_of_another_model_is_left_as_it_is(site, postgres, table):
    postgres.psql(f"CREATE TABLE {table} (id integer)", "site")
    output = refused(site.release)
    assert "Traceback" not in output
    assert f"has the table {table}, but no mysite_user" in output
    assert f"{OLD_STAYS} Fix: " in output
    assert "docs/moving-in.md#users" in output
    tables = "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
    assert postgres.psql(tables, "site") == table


def test_a_dyno_whose_database_lacks_migrations_serves_and_ready_says_so(site):
    with site.dyno() as dyno:
        client = heroku.Client(dyno.port)
        assert client.get("/").status == 200
        ready = client.get("/ready")
        assert client.get("/admin/login/?next=/").status == 200
    assert ready.status == 503
    assert '"migrations": "failed"' in ready.text
    assert "the database default lacks some. Fix: python manage.py release" in dyno.log


def test_a_database_that_cannot_be_used_is_told_in_a_sentence(site):
    url = site.config_vars["DATABASE_URL"].replace(parts.PASSWORD, "sw0rdfish")
    site = site.app(DATABASE_URL=url, DJANGO_ALLOWED_HOSTS="www.example.com")
    output = refused(site.release)
    assert "Traceback" not in output
    assert "The database in DATABASE_URL cannot be used: " in output
    assert "password authentication failed" in output
    assert "Fix: " in output and "heroku pg:" not in output
    assert OLD_STAYS in output and "heroku releases:retry" in output
    assert "sw0rdfish" not in output and "postgres://" not in output
    output = refused(site.run, "env -u DYNO python manage.py release")
    last = output.splitlines()[-1]
    assert "cannot be used: " in last and "Then: python manage.py release" in last
    assert "heroku" not in last


def test_a_user_who_may_not_migrate_is_told_what_to_grant(site, shop, postgres):
    advice = "A migration failed: the user may not change it. Fix: GRANT CREATE"
    postgres.psql("ALTER SCHEMA public OWNER TO postgres", "site")
    postgres.psql("REVOKE CREATE ON SCHEMA public FROM public, dyno", "site")
    output = refused(site.release)
    assert "Traceback" not in output
    assert advice in output
    assert OLD_STAYS in output and "heroku releases:retry" in output
    postgres.psql("GRANT CREATE ON SCHEMA public TO dyno", "site")
    site.release()
    postgres.psql("ALTER TABLE mysite_user OWNER TO postgres", "site")
    assert advice in refused(shop.release)


def test_a_first_push_without_a_key_and_a_database_passes(pushed):
    output = heroku.release(pushed.slug, {})
    assert "heroku addons:create heroku-postgresql:essential-0" in output
    with heroku.Dyno(pushed.slug, {}) as dyno:
        clients = [heroku.Client(dyno.port) for _ in range(8)]
        for client in clients:
            client.get("/admin/login/")
        assert [client.get("/").status for client in clients] == [200] * 8


def test_with_a_database_the_key_is_required(site):
    del site.config_vars["DJANGO_SECRET_KEY"]
    output = refused(site.release)
    assert "deploy.E001" in output and "DJANGO_SECRET_KEY is not set" in output
    assert OLD_STAYS in output and "heroku releases:retry" in output


def test_every_mistake_is_told_at_once_and_no_value_is(pushed):
    names = ["DJANGO_SECRET_KEY", "DATABASE_URL", "EMAIL_URL", "REDIS_URL"]
    names += ["DATABASE_POOL_SIZE", "DATABASE_STATEMENT_TIMEOUT", "WEB_CONCURRENCY"]
    names += ["DJANGO_STATIC_HOST", "DJANGO_LOG_LEVEL", "DJANGO_ADMINS"]
    site = pushed.app(**dict.fromkeys(names, "sw0rdfish"))
    output = refused(site.release)
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


def test_a_home_page_that_needs_data_stops_the_release_unless_it_is_not_asked_for(
    site, postgres, tmp_path
):
    site = site.copy_slug(tmp_path)
    append(site.slug / "mysite/views.py", HOME)
    output = refused(site.release)
    last = output.splitlines()[-1]
    cause = "DoesNotExist: User matching query does"
    assert last.startswith(f"CommandError: The page / fails. {cause}")
    assert "the release that was live stays live. Fix: " in last
    assert output.count("traceback=") == 1
    assert "mysite_user" in postgres.psql("SELECT tablename FROM pg_tables", "site")

    without_database = {"DJANGO_SECRET_KEY": site.config_vars["DJANGO_SECRET_KEY"]}
    output = heroku.release(site.slug, without_database)
    assert output.count("==> The page ") == 1
    assert output.endswith("\n==> The page / answers 503\n")

    append(site.slug / "mysite/settings.py", "RELEASE_VISITS = []")
    output = heroku.release(site.slug, site.config_vars)
    assert output.endswith("==> RELEASE_VISITS is empty, so no page is visited\n")
