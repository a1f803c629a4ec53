"""Migrations that were not applied, and those that `makemigrations` cannot make."""

import pytest
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder
from sites import found

from dyno.database import unapplied


@pytest.mark.django_db
def test_a_database_lacks_what_was_not_applied():
    assert unapplied("default") == []
    MigrationRecorder(connection).record_unapplied("sessions", "0001_initial")
    assert unapplied("default") == ["sessions.0001_initial"]


MODELS = """
from django.db import models

class Order(models.Model):
    class Meta:
        managed = {}
"""
MIGRATION = """
from django.db import migrations

class Migration(migrations.Migration):
    dependencies = [("orphan", "0000_lost")]
"""


@pytest.fixture
def install(site, settings, monkeypatch, db):
    """Install an app, by a name that no other test takes: Django forgets no model."""

    def install(name, managed):
        site.file(f"{name}/models.py", MODELS.format(managed))
        monkeypatch.syspath_prepend(site.root)
        settings.INSTALLED_APPS = [*settings.INSTALLED_APPS, name]
        return [message.msg for message in found().values()]

    return install


def test_a_model_that_django_does_not_manage_needs_no_migration(install):
    assert install("foreign", managed=False) == []


def test_a_migration_that_was_not_committed_is_reported(install, site):
    site.file("orphan/migrations/__init__.py")
    site.file("orphan/migrations/0001_initial.py", MIGRATION)
    [cause] = install("orphan", managed=True)
    assert "A migration is missing:" in cause
    assert "('orphan', '0000_lost')" in cause
