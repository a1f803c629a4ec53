"""A release on a one-off dyno, and an app with migrations for it."""

import shutil
import subprocess
import time

import heroku

RELEASE = heroku.processes(heroku.ROOT)["release"]
OLD_STAYS = "The release that was live stays live."

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


def copy_slug(slug, folder):
    """Return a copy of a slug that may be changed."""
    return shutil.copytree(slug, folder / "slug", symlinks=True)
