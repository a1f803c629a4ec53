"""The release phase against a real PostgreSQL: alone, in a race, and out of luck."""

import re
from concurrent.futures import ThreadPoolExecutor

import heroku
import pytest
from deployment import post
from parts import PASSWORD, wait_until
from projects import append, change

OLD_STAYS = "The release that was live stays live."
RETRY = f"{OLD_STAYS} Then: heroku releases:retry"
GRANT = "A migration failed: the user may not change it. Fix: GRANT CREATE"
LOCK = "SELECT pg_advisory_lock(7370221)"

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
def site(pushed, postgres):
    """This project with an empty database, which is named site."""
    return pushed.app(DATABASE_URL=postgres.create("site"))


@pytest.fixture
def shop(site, tmp_path):
    """The same with a second app in a slug that may be changed."""
    shop = site.copy_slug(tmp_path)
    for name, text in MIGRATIONS.items():
        append(shop.slug / "shop/migrations" / name, text)
    append(shop.slug / "mysite/settings.py", "INSTALLED_APPS += ['shop']\n")
    return shop


def refused(site):
    """Return what a release says that is refused in sentences."""
    with pytest.raises(heroku.Refused) as refusal:
        site.release()
    output = str(refusal.value)
    assert OLD_STAYS in output and "Traceback" not in output
    return output


def test_a_release_migrates_makes_the_cache_table_and_says_so(site, postgres):
    output = heroku.release(site.slug, site.config_vars)
    assert "The database default is migrated:" in output
    assert output.endswith(VISITED)
    postgres.psql("DROP TABLE cache", "site")
    # Old users that were moved are no hindrance.
    postgres.psql("CREATE TABLE auth_user (id integer)", "site")
    assert "0 applied now" in heroku.release(site.slug, site.config_vars)
    tables = postgres.psql("SELECT tablename FROM pg_tables", "site")
    assert {"mysite_user", "cache"} <= set(tables.split())


def test_a_dyno_without_migrations_serves_until_the_advice_in_its_log_is_followed(site):
    fields = {"username": "nobody", "password": "wrong"}
    with site.dyno() as dyno:
        client = heroku.Client(dyno.port)
        assert client.get("/").status == 200
        ready = client.get("/ready")
        assert ready.status == 503 and '"migrations": "failed"' in ready.text
        lacks = "the database default lacks some. Fix: python manage.py release"
        assert lacks in dyno.log
        access = re.compile(r"(?m)^.* path=/ready .*$")
        [line] = wait_until(lambda: access.findall(dyno.log))
        assert line.startswith("level=error logger=access ")

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
    cause = "A query runs as a module is loaded. Fix: move it into a function"
    with pytest.raises(heroku.Refused, match=cause) as refusal:
        shop.release()
    assert "NAMES = list(User.objects.all())" in str(refusal.value)


def test_three_releases_at_once_on_an_empty_database_all_succeed(site, postgres):
    waiting = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"
    with ThreadPoolExecutor(3) as pool:
        with postgres.holding(LOCK, "site"):
            arguments = (heroku.release, site.slug, site.config_vars)
            running = [pool.submit(*arguments) for _ in range(3)]
            count = f"{waiting} AND NOT granted"
            wait_until(lambda: postgres.psql(count, "site") == "3")
        outputs = [release.result() for release in running]
    assert all("waiting for it" in output for output in outputs)
    assert sum(" 0 applied now" not in output for output in outputs) == 1


def test_a_release_that_waits_for_another_too_long_says_so(shop, postgres):
    change(shop.slug / "dyno/management/commands/release.py", ("10min", "1s"))
    with postgres.holding(LOCK, "site"):
        output = refused(shop)
    assert "Another release migrates: waiting for it, up to 1s" in output
    assert "cannot be used: another process holds a lock" in output
    assert RETRY in output


def test_a_migration_that_fails_says_what_to_do_and_passes_then(shop, postgres):
    alter = shop.slug / "shop/migrations/0002_alter.py"
    change(alter, ("shop integer", "no_type"))
    output = refused(shop)
    # The connection that migrates may be a new one.
    assert "it has [('5s', 'advisory')]" in output
    assert "Applying shop.0002_alter..." in output
    assert "A migration failed: " in output and "rolled back" in output
    assert "Fix: correct it, commit it and push" in output

    change(alter, ("no_type", "shop integer"))
    with postgres.holding("BEGIN; LOCK TABLE mysite_user IN SHARE MODE", "site"):
        output = refused(shop)
    assert "A migration failed: another process holds a lock" in output
    assert "pg_terminate_backend(PID)" in output and RETRY in output

    postgres.psql("ALTER TABLE mysite_user OWNER TO postgres", "site")
    assert GRANT in refused(shop)
    postgres.psql("ALTER TABLE mysite_user OWNER TO dyno", "site")
    shop.release()


@pytest.mark.parametrize("table", ["auth_user", "django_admin_log"])
def test_a_database_with_users_of_another_model_is_left_as_it_is(site, postgres, table):
    postgres.psql(f"CREATE TABLE {table} (id integer)", "site")
    output = refused(site)
    assert f"has the table {table}, but no mysite_user" in output
    assert f"{OLD_STAYS} Fix: " in output
    assert "docs/moving-in.md#users" in output
    tables = "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
    assert postgres.psql(tables, "site") == table


def test_a_database_that_cannot_be_used_is_told_in_a_sentence(site):
    url = site.config_vars["DATABASE_URL"].replace(PASSWORD, "sw0rdfish")
    site = site.app(DATABASE_URL=url, DJANGO_ALLOWED_HOSTS="www.example.com")
    output = refused(site)
    assert "The database in DATABASE_URL cannot be used: " in output
    assert "password authentication failed" in output
    assert "Fix: " in output and "heroku pg:" not in output
    assert RETRY in output
    assert "sw0rdfish" not in output and "postgres://" not in output
    off_heroku = "env -u DYNO python manage.py release"
    with pytest.raises(heroku.Refused) as refusal:
        site.run(off_heroku)
    last = str(refusal.value).splitlines()[-1]
    assert "cannot be used: " in last and "Then: python manage.py release" in last
    assert "heroku" not in last


def test_a_user_who_may_not_migrate_is_told_what_to_grant(site, postgres):
    postgres.psql("ALTER SCHEMA public OWNER TO postgres", "site")
    postgres.psql("REVOKE CREATE ON SCHEMA public FROM public, dyno", "site")
    output = refused(site)
    assert GRANT in output and RETRY in output


def test_every_mistake_is_told_at_once_and_no_value_is(pushed):
    names = ["DJANGO_SECRET_KEY", "DATABASE_URL", "EMAIL_URL", "REDIS_URL"]
    names += ["DATABASE_POOL_SIZE", "DATABASE_STATEMENT_TIMEOUT", "WEB_CONCURRENCY"]
    names += ["DJANGO_STATIC_HOST", "DJANGO_LOG_LEVEL", "DJANGO_ADMINS"]
    config_vars = dict.fromkeys(names, "sw0rdfish")
    config_vars["DATABASE_URL"] = "postgres://user:sw0rdfish@nowhere"
    output = refused(pushed.app(**config_vars))
    for code in ("E001", "E004", "E012", "E013", "E040"):
        assert f"deploy.{code}" in output
    assert "sw0rdfish" not in output and RETRY in output
    assert "deploy.E026" not in output  # gunicorn was not the one that found them
    keyless = pushed.app(DATABASE_URL="postgres://localhost/name")
    del keyless.config_vars["DJANGO_SECRET_KEY"]
    assert "DJANGO_SECRET_KEY is not set" in refused(keyless)


HOME = """
def home(request):
    from mysite.models import User

    User.objects.get()
"""


def test_a_home_page_that_needs_data_stops_a_release_with_a_database(shop, postgres):
    append(shop.slug / "mysite/views.py", HOME)
    with pytest.raises(heroku.Refused) as refusal:
        shop.release()
    output = str(refusal.value)
    last = output.splitlines()[-1]
    cause = "DoesNotExist: User matching query does"
    assert last.startswith(f"CommandError: The page / fails. {cause}")
    assert "the release that was live stays live. Fix: " in last
    assert output.count("traceback=") == 1
    assert 'mysite/views.py\\", line ' in output
    assert "mysite_user" in postgres.psql("SELECT tablename FROM pg_tables", "site")

    first_push = heroku.release(shop.slug, {})
    assert "nothing is migrated. Fix: heroku addons:create heroku-" in first_push
    assert first_push.count("==> The page ") == 1
    assert first_push.endswith("\n==> The page / answers 503\n")

    append(shop.slug / "mysite/settings.py", "RELEASE_VISITS = []\n")
    said = heroku.release(shop.slug, shop.config_vars)
    assert said.endswith("==> RELEASE_VISITS is empty, so no page is visited\n")
