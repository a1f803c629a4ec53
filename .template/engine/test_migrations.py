"""What the checks report of migrations: not applied, not made, not committed."""

import pytest
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder
from sites import found

from dyno.database import unapplied


@pytest.mark.django_db
def test_a_database_lacks_what_was_not_applied_in_the_order_of_the_release():
    assert unapplied("default") == []
    recorder = MigrationRecorder(connection)
    recorder.record_unapplied("sessions", "0001_initial")
    recorder.record_unapplied("auth", "0012_alter_user_first_name_max_length")
    assert unapplied("default") == [
        "auth.0012_alter_user_first_name_max_length",
        "sessions.0001_initial",
    ]


MODELS = """
from django.db import models

class Order(models.Model):
    number = models.IntegerField(primary_key=True)
"""
MIGRATION = """
from django.db import migrations, models

class Migration(migrations.Migration):
    fields = [("number", models.IntegerField(primary_key=True, serialize=False))]
    operations = [migrations.CreateModel("Order", fields)]
"""


@pytest.fixture
def install(site, settings, monkeypatch, db):
    """Install an app, by a name that no other test takes: Django forgets no model."""

    def install(name, folder=".", note="", migration=MIGRATION):
        site.file(f"{folder}/{name}/models.py", MODELS + note)
        if migration:
            site.file(f"{folder}/{name}/migrations/__init__.py")
            site.file(f"{folder}/{name}/migrations/0001_initial.py", migration)
        monkeypatch.syspath_prepend(site.root / folder)
        settings.INSTALLED_APPS = [*settings.INSTALLED_APPS, name]
        return {code: message.msg for code, message in found().items()}

    return install


def test_a_model_that_changed_without_a_migration_is_reported(install):
    note = '    note = models.TextField(default="")\n'
    cause = install("changed", note=note)["deploy.E034"]
    assert "A model changed without a migration: " in cause
    assert "Add field note to order" in cause


def test_a_model_that_django_does_not_manage_needs_no_migration(install):
    note = "    class Meta:\n        managed = False\n"
    assert install("foreign", note=note, migration=None) == {}


def test_a_migration_that_was_not_committed_is_reported(install):
    needs = '    dependencies = [("orphan", "0000_lost")]\n'
    (cause,) = install("orphan", migration=MIGRATION + needs).values()
    assert "A migration is missing:" in cause
    assert "('orphan', '0000_lost')" in cause


def test_models_of_installed_packages_are_not_looked_at(install):
    assert install("other", "lib/site-packages", migration=None) == {}
