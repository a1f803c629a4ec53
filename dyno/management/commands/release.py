"""`python manage.py release`: what the Procfile runs before a new release goes live."""

from typing import Any

from django.apps import apps
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import Error, connections
from django.db.backends.signals import connection_created
from django.db.migrations.recorder import MigrationRecorder

from dyno import database, outages, visits
from dyno.checks.registry import is_local, on_heroku
from dyno.database import aliases, is_follower, unapplied
from dyno.pooler import pooler_problem

# Any number will do, as long as every release of this database takes the same.
RELEASE_LOCK = 7_370_221

# How long a release waits for another one; the platform ends it after an hour.
LOCK_WAIT = "10min"

# A migration that waits longer for a table holds up every reader behind it.
LOCK_TIMEOUT = "5s"

STAYS = "The release that was live stays live."
AGAIN = "python manage.py release"
if on_heroku():
    AGAIN = "heroku releases:retry"


class Command(BaseCommand):
    """Checks, migrates and visits the site; a failure keeps the old release live."""

    help = __doc__
    requires_system_checks = []

    def handle(self, **options: Any) -> None:
        """Raise CommandError, so exit with 1, if the release must not go live."""
        try:
            call_command("check", deploy=on_heroku() or not is_local())
        except CommandError as error:
            after = f"After the fix: {AGAIN}, or commit and push"
            raise CommandError(f"{error}\n{STAYS} {after}") from None
        except Error as error:  # the traceback shows where
            cause = "A query runs as a module is loaded."
            error.add_note(f"{cause} Fix: move it into a function")
            raise
        self.migrate_all()
        if not is_local():
            visits.visit(self.say)

    def migrate_all(self) -> None:
        """Migrate each database; raise CommandError with what failed."""
        if not database.attached():
            self.say(f"No database, so nothing is migrated. Fix: {database.ATTACH}")
            return
        connections.close_all()  # a check may have opened one, without the lock
        database.use_direct_connection()
        for alias in aliases():
            if problem := pooler_problem(alias):
                raise CommandError(f"{problem}. {STAYS}")
        connection_created.connect(self.prepare)
        try:
            for alias in aliases():
                self.migrate(alias)
        finally:
            connection_created.disconnect(self.prepare)
            connections.close_all()
            del connections["default"]  # pages do without use_direct_connection()

    def say(self, text: str) -> None:
        """Print one step."""
        self.stdout.write(f"==> {text}")

    def prepare(self, connection: Any, **kwargs: Any) -> None:
        """Make a new connection wait for other releases, but only briefly for tables.

        Every connection, since a migration may lose the one that it began with. It is a
        direct one: through a pooler, lock and time-outs would outlast this process.
        """
        if connection.vendor != "postgresql" or connection.alias not in aliases():
            return
        with connection.cursor() as cursor:
            cursor.execute("SET statement_timeout = 0")
            # Two releases at once would migrate the same tables twice.
            cursor.execute("SELECT pg_try_advisory_lock(%s)", [RELEASE_LOCK])
            if not cursor.fetchone()[0]:
                self.say(f"Another release migrates: waiting for it, up to {LOCK_WAIT}")
                cursor.execute(f"SET lock_timeout = '{LOCK_WAIT}'")
                cursor.execute("SELECT pg_advisory_lock(%s)", [RELEASE_LOCK])
            cursor.execute(f"SET lock_timeout = '{LOCK_TIMEOUT}'")

    def migrate(self, alias: str) -> None:
        """Migrate one database; raise CommandError with what failed."""
        try:
            if is_follower(alias):
                self.say(f"The database {alias} is a follower, so it is not migrated")
                return
            before = len(unapplied(alias))
        except Error as error:
            raise CommandError(refusal(alias, error)) from None
        if alias == "default":
            refuse_other_users()
        try:
            call_command("migrate", database=alias, interactive=False)
        except Exception as error:
            connections[alias].close()
            raise CommandError(failure(alias, error)) from error
        self.say(f"The database {alias} is migrated: {before} applied now")


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
