"""`python manage.py release`: what the Procfile runs before a new release goes live."""

from typing import Any

from django.apps import apps
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import Error, OperationalError, connections
from django.db.backends.signals import connection_created

from dyno import database
from dyno.checks.registry import is_local, on_heroku
from dyno.database import aliases, is_follower, unapplied
from dyno.outages import sqlstate

# Any number will do, as long as every release of this database takes the same.
RELEASE_LOCK = 7_370_221

# How long a release waits for another one; the platform ends it after an hour.
LOCK_WAIT = "10min"

# A migration that waits longer for a table holds up every reader behind it.
LOCK_TIMEOUT = "5s"

STAYS = "The release that was live stays live."
LOCKED = (
    f"{STAYS} Fix: find the session with heroku pg:locks, end it with heroku pg:kill "
    "PID, then heroku releases:retry  (docs/errors.md#locks)"
)


class Command(BaseCommand):
    """Checks the deployment, then migrates; a failure keeps the old release live."""

    help = __doc__
    requires_system_checks = []

    def handle(self, **options: Any) -> None:
        """Raise CommandError, so exit with 1, if the release must not go live."""
        try:
            call_command("check", deploy=on_heroku() or not is_local())
        except CommandError as error:
            after = f"{STAYS} After the fix: heroku releases:retry, or commit and push"
            raise CommandError(f"{error}\n{after}") from None
        if not database.attached():
            fix = f"Fix: {database.ATTACH}"
            self.say(f"No database is attached, so nothing is migrated. {fix}")
            return
        if problem := database.pooler_problem():
            raise CommandError(f"{problem}. {STAYS}")
        connections.close_all()  # a check may have opened one, without the lock
        database.use_direct_connection()
        connection_created.connect(self.prepare)
        try:
            for alias in aliases():
                self.migrate(alias)
        except Error as error:
            raise CommandError(explain(error)) from None
        finally:
            connection_created.disconnect(self.prepare)
            connections.close_all()

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
                try:
                    cursor.execute("SELECT pg_advisory_lock(%s)", [RELEASE_LOCK])
                except OperationalError as error:
                    if sqlstate(error) != "55P03":
                        raise
                    cause = f"Another release did not finish within {LOCK_WAIT}"
                    raise CommandError(f"{cause}. {LOCKED}") from error
            cursor.execute(f"SET lock_timeout = '{LOCK_TIMEOUT}'")

    def migrate(self, alias: str) -> None:
        """Migrate one database; raise CommandError with what failed."""
        if is_follower(alias):
            self.say(f"The database {alias} is a follower, so it is not migrated")
            return
        if alias == "default":
            if problem := other_users():
                raise CommandError(problem)
            call_command("createcachetable", database=alias, verbosity=0)
        before = unapplied(alias)
        try:
            call_command("migrate", database=alias, interactive=False)
        except Exception as error:
            connections[alias].close()
            left = unapplied(alias)
            what = f"The migration {left[0]}" if left else "A step after the migrations"
            if sqlstate(error) == "55P03":
                cause = f"waited {LOCK_TIMEOUT} for a table that others use"
                raise CommandError(f"{what} {cause}. {LOCKED}") from error
            raise CommandError(
                f"{what} failed: {error} A migration is rolled back, unless it says "
                f"atomic = False. {STAYS} Fix: correct it, commit it and push"
            ) from error
        self.say(f"The database {alias} is migrated: {len(before)} applied now")


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
    if not made or model.db_table in names:
        return ""
    return (
        f"The database has the table {min(made)}, but no {model.db_table}: it was made "
        f"for another user model than {model.label}. {STAYS} "
        "Fix: set the model that it was made for  (docs/moving-in.md#users)"
    )


def explain(error: Error) -> str:
    """Return what a database's error means and what to do, without a password."""
    cause, command = str(error).strip().partition("\n")[0], "heroku pg:info"
    if "too many connections" in cause or "connection slots" in cause:
        cause, command = "it has no connection left", "heroku pg:killall"
    elif "password" in cause:
        cause, command = "user or password is wrong", "heroku pg:credentials:url"
    return (
        f"The database in DATABASE_URL cannot be used: {cause}. {STAYS} "
        f"Fix: {command}, then heroku releases:retry  (docs/errors.md#database)"
    )
