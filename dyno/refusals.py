"""Why a release is refused, and what to do."""

from django.apps import apps
from django.contrib.auth import get_user_model
from django.core.management.base import CommandError
from django.db import Error, connections
from django.db.migrations.recorder import MigrationRecorder

from dyno import outages
from dyno.checks.registry import on_heroku
from dyno.database import unapplied

# A migration that waits longer for a table holds up every reader behind it.
LOCK_TIMEOUT = "5s"

STAYS = "The release that was live stays live."
AGAIN = "python manage.py release"
if on_heroku():
    AGAIN = "heroku releases:retry"


def refusal(alias: str, error: Error) -> str:
    """Return why a database cannot be used and what to do, without a password."""
    text = outages.explain(error, alias)
    return f"{text}. {STAYS} Then: {AGAIN}  (docs/errors.md#database)"


def failure(alias: str, error: Exception) -> str:
    """Return which migration failed, why and what to do."""
    try:
        left = unapplied(alias)
    except Error as away:
        return refusal(alias, away)
    what = f"The migration {left[0]}" if left else "A step after the migrations"
    if known := outages.known(error):
        return f"{what} failed: {known}. {STAYS} Then: {AGAIN}"
    return (
        f"{what} failed: {error} A migration is rolled back, unless it says "
        f"atomic = False. {STAYS} Fix: correct it, commit it and push"
    )


def refuse_other_users() -> None:
    """Raise CommandError if the users in the database would be lost.

    Django makes the tables of its own users and of the admin's log only for the user
    model in the settings, the second one after that model's own table.
    """
    if not apps.is_installed("django.contrib.auth"):
        return
    model = get_user_model()._meta
    with connections["default"].cursor() as cursor:
        names = connections["default"].introspection.table_names(cursor, True)
    made = {"auth_user", "django_admin_log"}.intersection(names)
    applied = MigrationRecorder(connections["default"]).applied_migrations()
    is_ours = any(app == model.app_label for app, _ in applied)
    if not made or is_ours or model.db_table in names:
        return
    raise CommandError(
        f"The database has the table {min(made)}, but no {model.db_table}: it was made "
        f"for another user model than {model.label}. {STAYS} "
        "Fix: set the model that it was made for  (docs/moving-in.md#users)"
    )
