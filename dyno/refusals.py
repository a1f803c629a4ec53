"""Why a release is refused, and what to do."""

import re

from django.apps import apps
from django.contrib.auth import get_user_model
from django.core.management.base import CommandError
from django.db import Error, connections
from django.db.migrations.recorder import MigrationRecorder

from dyno import outages
from dyno.checks.registry import on_heroku

# A migration that waits longer for a table holds up every reader behind it.
LOCK_TIMEOUT = "5s"

STAYS = "The release that was live stays live."
AGAIN = "python manage.py release"
if on_heroku():
    AGAIN = "heroku releases:retry"

# By a part of what PostgreSQL says, or its code. Anything else is told as it is.
KNOWN = {
    "permission denied for|must be owner of": (
        "the user may not change it. Fix: GRANT CREATE ON SCHEMA public TO USER; or, "
        "if another user owns the tables, REASSIGN OWNED BY OTHER TO USER"
    ),
    "55P03": (
        "another process holds a lock for too long. Fix: find it in pg_stat_activity, "
        "then SELECT pg_terminate_backend(PID)  (docs/errors.md#locks)"
    ),
}


def known(error: BaseException) -> str:
    """Return what an error means and what to do, or "" if it is not known."""
    said = f"{outages.sqlstate(error)} {error}"
    for part, text in KNOWN.items():
        if re.search(part, said):
            return text
    return ""


def refusal(alias: str, error: Error) -> str:
    """Return why a database cannot be used and what to do, without a password."""
    said = str(error).strip().partition("\n")[0]
    other = f"{said}. Fix: start it, or correct its URL  (docs/errors.md#database)"
    cause = known(error) or other
    return f"{outages.name(alias)} cannot be used: {cause}. {STAYS} Then: {AGAIN}"


def failure(error: Exception) -> str:
    """Return why a migration failed and what to do; `migrate` has printed its name."""
    cause = known(error)
    if cause:
        return f"A migration failed: {cause}. {STAYS} Then: {AGAIN}"
    return (
        f"A migration failed: {error} It is rolled back, unless it says "
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
