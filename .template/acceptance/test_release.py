"""The release phase against a real PostgreSQL: alone, in a race, and out of luck."""

import contextlib
import re
import shutil
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor

import heroku
import parts
import pytest

RELEASE = heroku.processes(heroku.ROOT)["release"]

OLD_STAYS = "The release that was live stays live."

VISITED = """==> The page / answers 200
==> The page /no-such-page answers 404
==> The page /admin/login/ answers 200
"""

# An app whose migration loses its connection and then says what the next one has.
SHOP = {
    "__init__.py": "",
    "migrations/__init__.py": "",
    "migrations/0001_initial.py": """
from django.db import connection, migrations


def lose_the_connection(apps, schema_editor):
    connection.close()
    with connection.cursor() as cursor:
        cursor.execute("SHOW lock_timeout")
        print("lock_timeout", cursor.fetchone()[0])
        cursor.execute(
            "SELECT count(*) FROM pg_locks"
            " WHERE locktype = 'advisory' AND pid = pg_backend_pid()"
        )
        print("advisory locks", cursor.fetchone()[0])


class Migration(migrations.Migration):
    atomic = False
    initial = True
    operations = [migrations.RunPython(lose_the_connection)]
""",
    "migrations/0002_alter.py": """
from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("shop", "0001_initial")]
    operations = [migrations.RunSQL("ALTER TABLE mysite_user ADD COLUMN shop integer")]
""",
}


@pytest.fixture
def site(slug, postgres, secret_key, request):
    """The slug, the config vars of its release and an empty database."""
    name = request.node.originalname[:60]
    config_vars = {"DJANGO_SECRET_KEY": secret_key}
    config_vars["DATABASE_URL"] = postgres.create(name)
    yield slug, config_vars, name
    postgres.drop(name)


@pytest.fixture
def shop(slug, tmp_path):
    """The slug with a second app in it."""
    slug = shutil.copytree(slug, tmp_path / "slug", symlinks=True)
    for name, text in SHOP.items():
        (slug / "shop" / name).parent.mkdir(parents=True, exist_ok=True)
        (slug / "shop" / name).write_text(text)
    settings = slug / "mysite/settings.py"
    settings.write_text(settings.read_text() + "\nINSTALLED_APPS += ['shop']\n")
    return slug


def release(slug, config_vars, command=RELEASE):
    """Return whether the release was let through, its output and its seconds."""
    env = heroku.dyno_environment(slug, "release.1", config_vars)
    started = time.monotonic()
    run = subprocess.run(
        ["/bin/bash", "-c", command],
        cwd=slug,
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=40,
    )
    assert run.returncode in (0, 1)
    return run.returncode == 0, run.stdout, time.monotonic() - started


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


def test_a_release_that_only_migrates_makes_the_cache_table_too(site):
    slug, config_vars, _ = site
    passed, output, _ = release(slug, config_vars, "python manage.py migrate")
    assert passed, output
    assert log_in(slug, config_vars)[0] == 200


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
    with (shop / "mysite/urls.py").open("a") as urls:
        urls.write("\nfrom .models import User\nNAMES = list(User.objects.all())\n")
    passed, output, _ = release(shop, config_vars)
    assert not passed
    assert "NAMES = list(User.objects.all())" in output
    assert "A query runs as a module is loaded. Fix: move it into a function" in output


@pytest.mark.parametrize("trial", range(3))
def test_three_releases_at_once_on_an_empty_database_all_succeed(site, postgres, trial):
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
    assert "heroku pg:locks" in output
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
    assert "Another release did not finish within 1s" in output
    assert OLD_STAYS in output and "heroku releases:retry" in output
    assert "Traceback" not in output


def unreachable(output, words):
    """Assert that this is one sentence with a command in it, and nothing secret."""
    assert "Traceback" not in output
    assert words in output, output
    assert "DATABASE_URL" in output and "heroku pg:" in output
    assert OLD_STAYS in output and "heroku releases:retry" in output
    assert parts.PASSWORD not in output and "postgres://" not in output


def test_a_wrong_password_is_told_without_it(site):
    slug, config_vars, _ = site
    config_vars["DATABASE_URL"] = config_vars["DATABASE_URL"].replace(
        "a-pass", "a-past"
    )
    passed, output, _ = release(slug, config_vars)
    assert not passed
    unreachable(output, "user or password is wrong")
    assert "a-past" not in output


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
    unreachable(output, "has no connection left")
    assert "heroku ps:restart" in output and "killall" not in output


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


def test_a_migration_that_fails_ends_in_a_sentence(site, shop):
    slug, config_vars, _ = site
    assert release(slug, config_vars)[0]
    broken = shop / "shop/migrations/0002_alter.py"
    broken.write_text(broken.read_text().replace("shop integer", "no_type"))
    passed, output, _ = release(shop, config_vars)
    assert not passed
    assert "Traceback" not in output
    assert "The migration shop.0002_alter failed: " in output
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


HOME = """
def home(request):
    from mysite.models import User

    %s
"""
PAGES = {
    "raises": ("raise LookupError('no exhibits')", "LookupError: no exhibits"),
    "needs data": ("User.objects.get()", "DoesNotExist: User matching query does"),
    "needs a table": (
        "User.objects.raw('SELECT * FROM shop_order')[0]",
        'ProgrammingError: relation "shop_order" does not exist',
    ),
    "has no build": (
        "return render(request, 'vite.html')",
        "DjangoViteAssetNotFoundError: Cannot find main.js",
    ),
    "was not compressed": (
        "return render(request, 'compress.html')",
        "OfflineGenerationError: You have offline compression enabled but key",
    ),
}

# What their documentation says, without the command that it also names.
PACKAGES = """
INSTALLED_APPS += ["django_vite", "compressor"]
DJANGO_VITE = {"default": {"dev_mode": False}}
STATICFILES_FINDERS = [
    "django.contrib.staticfiles.finders.FileSystemFinder",
    "django.contrib.staticfiles.finders.AppDirectoriesFinder",
    "compressor.finders.CompressorFinder",
]
COMPRESS_OFFLINE = True
"""
TEMPLATES = {
    "vite.html": "{% load django_vite %}{% vite_asset 'main.js' %}",
    "compress.html": "{% load compress %}{% compress js %}<script>1</script>"
    "{% endcompress %}",
}


@pytest.fixture(scope="module")
def unbuilt(slug, tmp_path_factory):
    """A slug with packages whose builds did not run: leave it as it is."""
    slug = shutil.copytree(slug, tmp_path_factory.mktemp("pages") / "s", symlinks=True)
    python = slug / ".heroku/python/bin/python"
    packages = slug / "site-packages"
    names = ["django-vite==3.1.0", "django-compressor==4.6.0"]
    pip = [python, "-m", "pip", "install", "--quiet", "--no-deps", "--target", packages]
    more = ["django-appconf==1.2.0", "rcssmin==1.2.2", "rjsmin==1.2.5"]
    subprocess.run([*pip, *names, *more], check=True, env=heroku.shell())
    with (slug / "mysite/settings.py").open("a") as settings:
        settings.write(PACKAGES)
    for name, text in TEMPLATES.items():
        (slug / "templates" / name).write_text(text)
    return slug


@pytest.mark.parametrize(("line", "cause"), PAGES.values(), ids=PAGES)
def test_a_home_page_that_fails_stops_the_release_with_its_cause(
    unbuilt, site, postgres, tmp_path, line, cause
):
    _, config_vars, name = site
    slug = shutil.copytree(unbuilt, tmp_path / "slug", symlinks=True)
    with (slug / "mysite/views.py").open("a") as views:
        views.write(HOME % line)
    packages = {"PYTHONPATH": str(unbuilt / "site-packages")}
    passed, output, _ = release(slug, config_vars | packages)
    assert not passed
    last = output.splitlines()[-1]
    assert last.startswith(f"CommandError: The page / fails. {cause}")
    assert "/mysite/views.py, line " in last
    assert "the release that was live stays live. Fix: " in last
    assert output.count("traceback=") == 1
    assert "mysite_user" in postgres.psql("SELECT tablename FROM pg_tables", name)


def test_a_page_that_waits_for_data_passes_without_visits(site, tmp_path):
    slug, config_vars, _ = site
    slug = shutil.copytree(slug, tmp_path / "slug", symlinks=True)
    with (slug / "mysite/views.py").open("a") as views:
        views.write(HOME % "User.objects.get()")
    with (slug / "mysite/settings.py").open("a") as settings:
        settings.write("\nRELEASE_VISITS = []\n")
    passed, output, _ = release(slug, config_vars)
    assert passed, output
    assert output.endswith("==> RELEASE_VISITS is empty, so no page is visited\n")


def test_a_home_page_without_the_database_that_it_needs_is_released(
    slug, tmp_path, secret_key
):
    slug = shutil.copytree(slug, tmp_path / "slug", symlinks=True)
    with (slug / "mysite/views.py").open("a") as views:
        views.write(HOME % "User.objects.get()")
    passed, output, _ = release(slug, {"DJANGO_SECRET_KEY": secret_key})
    assert passed, output
    assert output.endswith("==> The page / answers 503\n")


URLS = """
from django.conf.urls.i18n import i18n_patterns

urlpatterns = i18n_patterns(*urlpatterns)
"""


def test_languages_and_a_log_in_for_everything_are_released(site, tmp_path):
    slug, config_vars, _ = site
    slug = shutil.copytree(slug, tmp_path / "slug", symlinks=True)
    with (slug / "mysite/urls.py").open("a") as urls:
        urls.write(URLS)
    with (slug / "mysite/settings.py").open("a") as settings:
        settings.write("MIDDLEWARE += ['django.middleware.locale.LocaleMiddleware',")
        settings.write("'django.contrib.auth.middleware.LoginRequiredMiddleware']\n")
        settings.write("LOGIN_URL = 'admin:login'\n")
    passed, output, _ = release(slug, config_vars)
    assert passed, output
    assert "==> The page / answers 200" in output
    assert "==> The page /en/admin/login/ answers 200" in output


def test_a_model_that_changed_without_a_migration_is_refused(shop, secret_key):
    models = "from django.db import models\n\nclass Order(models.Model):\n    pass\n"
    (shop / "shop/models.py").write_text(models)
    passed, output, _ = release(shop, {"DJANGO_SECRET_KEY": secret_key})
    assert not passed
    assert "A model changed without a migration: Migrations for 'shop'" in output
    assert "Create model Order" in output
    fix = "Fix: python manage.py makemigrations mysite shop, commit and push"
    assert fix in output


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


def test_a_dyno_whose_database_is_migrated_has_nothing_to_say(site):
    slug, config_vars, _ = site
    assert release(slug, config_vars)[0]
    with heroku.Dyno(slug, config_vars) as dyno:
        time.sleep(1)
    assert "level=error" not in dyno.log


def test_a_build_without_the_databases_driver_is_refused_in_one_sentence(
    source, tmp_path, secret_key
):
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
    assert any("deploy.E008" in line for line in lines)
    assert not any("Traceback" in line for line in lines)
