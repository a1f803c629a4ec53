"""The release phase against a real PostgreSQL: alone, in a race, and out of luck."""

import contextlib
import re
import subprocess
from concurrent.futures import ThreadPoolExecutor

import heroku
import parts
import pytest
from projects import append, change
from releases import OLD_STAYS, release

VISITED = """==> The page / answers 200
==> The page /no-such-page answers 404
==> The page /admin/login/ answers 200
"""


@contextlib.contextmanager
def holding(postgres, sql, name):
    """Keep a session open that holds a lock."""
    where = ["-h", postgres.folder, "-p", str(postgres.port), "-U", "postgres", name]
    session = subprocess.Popen(
        [parts.need("psql"), "-XAtq", *where],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    session.stdin.write(f"{sql}; SELECT 'held';\n")
    session.stdin.flush()
    while session.stdout.readline().strip() != "held":
        pass
    try:
        yield
    finally:
        session.stdin.close()
        session.wait(10)
        session.stdout.close()


def test_a_release_migrates_makes_the_cache_table_and_says_so(site, postgres):
    slug, config_vars, name = site
    passed, output, _ = release(slug, config_vars)
    assert passed, output
    assert "The database default is migrated:" in output
    assert output.endswith(VISITED)
    tables = postgres.psql("SELECT tablename FROM pg_tables", name)
    assert {"mysite_user", "cache"} <= set(tables.split())
    passed, output, _ = release(slug, config_vars)
    assert passed and "0 applied now" in output


def log_in(slug, config_vars):
    """Return what a log-in with a wrong password is answered, and the log."""
    with heroku.Dyno(slug, config_vars) as dyno:
        client = heroku.Client(dyno.port)
        form = client.get("/admin/login/").text
        token = re.search('csrfmiddlewaretoken" value="([^"]+)', form)[1]
        body = f"csrfmiddlewaretoken={token}&username=nobody&password=wrong"
        origin = {"Origin": f"https://{heroku.HOST}"}
        return client.post("/admin/login/", body, **origin).status, dyno.log


def test_the_advice_for_a_missing_cache_table_works_to_the_letter(site, postgres):
    slug, config_vars, name = site
    assert release(slug, config_vars)[0]
    postgres.psql("DROP TABLE cache", name)
    status, log = log_in(slug, config_vars)
    assert status == 500
    advice = re.search(r"table or column is missing\. Fix: (.*), then (.*?)  \(", log)
    for command in advice.groups():
        heroku.run(slug, config_vars, command)
    assert log_in(slug, config_vars)[0] == 200


def test_a_query_at_import_is_told_as_such(site, shop):
    _, config_vars, _ = site
    text = "from .models import User\nNAMES = list(User.objects.all())\n"
    append(shop / "mysite/urls.py", text)
    passed, output, _ = release(shop, config_vars)
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
    assert all(passed for passed, _, _ in results), results
    assert all("waiting for it" in output for _, output, _ in results)
    assert sum(" 0 applied now" not in output for _, output, _ in results) == 1


def test_the_connection_that_migrates_holds_the_lock_even_if_it_is_a_new_one(
    site, shop
):
    passed, output, _ = release(shop, site[1])
    assert passed, output
    assert "lock_timeout 5s" in output
    assert "advisory locks 1" in output


def test_a_migration_that_meets_a_locked_table_gives_up_and_says_what_to_do(
    site, shop, postgres
):
    slug, config_vars, name = site
    assert release(slug, config_vars)[0]
    with holding(postgres, "BEGIN; LOCK TABLE mysite_user IN SHARE MODE", name):
        passed, output, seconds = release(shop, config_vars)
    assert not passed
    assert "Applying shop.0002_alter..." in output
    assert "A migration failed: another process holds a lock" in output
    assert "pg_terminate_backend(PID)" in output
    assert OLD_STAYS in output and "heroku releases:retry" in output
    assert "Traceback" not in output
    assert seconds < 15
    assert release(shop, config_vars)[0]


def test_a_release_that_waits_for_another_too_long_says_so(site, postgres):
    slug, config_vars, name = site
    impatient = (
        'python -c "import django; django.setup();'
        "from dyno.management.commands import release; release.LOCK_WAIT = '1s';"
        "release.Command().run_from_argv(['', 'release'])\""
    )
    config_vars |= {"DJANGO_SETTINGS_MODULE": "mysite.settings"}
    with holding(postgres, "SELECT pg_advisory_lock(7370221)", name):
        passed, output, _ = release(slug, config_vars, impatient)
    assert not passed
    assert "Another release migrates: waiting for it, up to 1s" in output
    assert "cannot be used: another process holds a lock" in output
    assert OLD_STAYS in output and "heroku releases:retry" in output
    assert "Traceback" not in output


def test_a_migration_that_fails_ends_in_a_sentence(site, shop):
    slug, config_vars, _ = site
    assert release(slug, config_vars)[0]
    change(shop / "shop/migrations/0002_alter.py", ("shop integer", "no_type"))
    passed, output, _ = release(shop, config_vars)
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
    passed, output, _ = release(slug, config_vars)
    assert not passed and "Traceback" not in output
    assert f"has the table {table}, but no mysite_user" in output
    assert f"{OLD_STAYS} Fix: " in output
    assert "docs/moving-in.md#users" in output
    tables = "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
    assert postgres.psql(tables, name) == table


def test_a_table_of_old_users_that_were_moved_is_no_hindrance(site, postgres):
    slug, config_vars, name = site
    assert release(slug, config_vars)[0]
    postgres.psql("CREATE TABLE auth_user (id integer)", name)
    assert release(slug, config_vars)[0]


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
