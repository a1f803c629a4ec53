"""What the checks say of migrations: not applied, not made, not committed."""

import pytest
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder

from mysite.checks import server

from .sites import found


@pytest.mark.django_db
def test_an_unapplied_migration_is_told_when_the_database_is_asked():
    assert list(server.migrations()) == []
    MigrationRecorder(connection).record_unapplied("sessions", "0001_initial")
    (message,) = server.migrations()
    assert message.id == "deploy.E033"
    assert "sessions.0001_initial" in message.msg


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
NOTE = "    note = models.TextField()\n    day = models.DateField(auto_now_add=True)\n"


@pytest.fixture
def install(site, settings, monkeypatch):
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


def test_a_model_that_changed_without_a_migration_is_told(install):
    cause = "A change in changed has no migration: Add field day to order and 1 more."
    assert install("changed", note=NOTE) == {"deploy.E034": cause}


def test_a_model_without_any_migration_is_told_for_no_release_makes_its_table(install):
    cause = "A change in tableless has no migration: Create model Order."
    assert install("tableless", migration=None) == {"deploy.E034": cause}


def test_a_model_whose_table_is_anothers_needs_no_migration(install):
    note = "    class Meta:\n        managed = False\n"
    assert install("foreign", note=note, migration=None) == {}


def test_a_model_whose_migration_was_made_is_passed_without_a_database(install, site):
    site.engine("django.db.backends.dummy")
    assert install("made") == {}


def test_a_migration_that_was_not_committed_is_told(install):
    needs = '    dependencies = [("orphan", "0000_lost")]\n'
    (cause,) = install("orphan", migration=MIGRATION + needs).values()
    assert "A migration is not there:" in cause
    assert "('orphan', '0000_lost')" in cause


def test_a_model_of_an_installed_package_is_not_the_projects_to_migrate(install):
    assert install("other", "lib/site-packages", note=NOTE) == {}


def test_where_to_migrate_depends_on_where_the_database_is(site):
    site.monkeypatch.setattr(server, "unapplied_migrations", lambda: ["shop.0001"])
    (message,) = server.migrations()
    assert message.hint.startswith("heroku run python manage.py release ")
    site.setting(ON_HEROKU=False)
    (message,) = server.migrations()
    assert message.hint.startswith("python manage.py release ")
