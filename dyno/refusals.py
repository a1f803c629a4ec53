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
QUERY = "A query runs as a module is loaded. Fix: move it into a function"
LOCKED = (
    f"{STAYS} Fix: find the session with heroku pg:locks, end it with heroku pg:kill "
    "PID, then heroku releases:retry  (docs/errors.md#locks)"
)


def refusal(alias: str, error: Error | CommandError) -> str:
    """Return why a database cannot be used and what to do, without a password."""
    text = outages.explain(error, alias)
    if not text and isinstance(error, CommandError):
        return str(error)  # of the lock
    if not text:
        cause = str(error).strip().partition("\n")[0]
        fix = "heroku pg:info" if on_heroku() else "correct its URL"
        text = f"{outages.name(alias)} cannot be used: {cause}. Fix: {fix}"
    again = "heroku releases:retry" if on_heroku() else "python manage.py release"
    return f"{text}. {STAYS} Then: {again}  (docs/errors.md#database)"


def failure(alias: str, error: Exception) -> str:
    """Return which migration failed, why and what to do."""
    text = outages.explain(error, alias)
    if text:
        return f"{text}. {STAYS}"
    left = unapplied(alias)
    what = f"The migration {left[0]}" if left else "A step after the migrations"
    if outages.sqlstate(error) == "55P03":
        return f"{what} waited {LOCK_TIMEOUT} for a table that others use. {LOCKED}"
    return (
        f"{what} failed: {error} A migration is rolled back, unless it says "
        f"atomic = False. {STAYS} Fix: correct it, commit it and push"
    )


def other_users() -> str:
    """Return why the users in the database would be lost, "" if they would not.

    Django makes the tables of its own users and of the admin's log only for the user
    model in the settings, the second one after that model's own table.
    """
    if not apps.is_installed("django.contrib.auth"):
        return ""
    model = get_user_model()._meta
    with connections["default"].cursor() as cursor:
        names = connections["default"].introspection.table_names(cursor, True)
    made = {"auth_user", "django_admin_log"}.intersection(names)
    applied = MigrationRecorder(connections["default"]).applied_migrations()
    is_ours = any(app == model.app_label for app, _ in applied)
    if not made or is_ours or model.db_table in names:
        return ""
    return (
        f"The database has the table {min(made)}, but no {model.db_table}: it was made "
        f"for another user model than {model.label}. {STAYS} "
        "Fix: set the model that it was made for  (docs/moving-in.md#users)"
    )
