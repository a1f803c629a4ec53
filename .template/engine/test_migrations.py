"""Migrations that are not applied, and what the checks report of others."""

import pytest
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder
from sites import found

from dyno.database import unapplied

MODEL = """
from django.db import models

class Order(models.Model):
    number = models.IntegerField(primary_key=True)
"""
FOREIGN = f"""{MODEL}
    class Meta:
        managed = False
"""
MIGRATION = """
from django.db import migrations

class Migration(migrations.Migration):
    dependencies = [("orphan", "0000_lost")]
"""


@pytest.fixture
def install(site, settings, monkeypatch, db):
    """Install an app, by a name that no other test takes: Django forgets no model."""

    def install(name, model):
        site.file(f"{name}/models.py", model)
        monkeypatch.syspath_prepend(site.root)
        settings.INSTALLED_APPS = [*settings.INSTALLED_APPS, name]
        return found()

    return install


@pytest.mark.django_db
def test_a_database_lacks_what_was_not_applied():
    assert unapplied("default") == []
    MigrationRecorder(connection).record_unapplied("sessions", "0001_initial")
    assert unapplied("default") == ["sessions.0001_initial"]


def test_a_migration_that_was_not_committed_is_reported(site, install):
    site.file("orphan/migrations/__init__.py")
    site.file("orphan/migrations/0001_initial.py", MIGRATION)
    problem = install("orphan", MODEL)["deploy.E034"]
    assert "A migration is missing:" in problem.msg
    assert "('orphan', '0000_lost')" in problem.msg


def test_a_model_that_django_does_not_manage_needs_no_migration(install):
    assert install("foreign", FOREIGN) == {}
