"""`python manage.py release`: what the Procfile runs before a new release goes live."""

import contextlib
from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import Error, OperationalError, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created

from dyno.database import (
    ATTACH,
    aliases,
    attached,
    is_follower,
    pooler_problem,
    use_direct_connection,
)
from dyno.migrations import unapplied

# Any number will do, as long as every release of this database takes the same.
RELEASE_LOCK = 7_370_221

# How long a release waits for another one; the platform ends it after an hour.
LOCK_WAIT = "10min"

# A migration that waits longer for a table holds up every reader behind it.
LOCK_TIMEOUT = "5s"

OLD_STAYS = "The release that was live stays live."
RETRY = "heroku releases:retry"

# What PostgreSQL says badly, in lower case, and what it means here.
FAILURES = (
    ("too many connections", "it has no connection left", "heroku pg:killall"),
    ("connection slots", "it has no connection left", "heroku pg:killall"),
    ("password", "user or password is wrong", "heroku pg:credentials:url"),
    ("timeout", "it does not answer", "heroku pg:info"),
)


class Command(BaseCommand):
    """Checks the deployment, then migrates; a failure keeps the old release live."""

    help = __doc__
    requires_system_checks = []

    def handle(self, **options: Any) -> None:
        """Raise CommandError, so exit with 1, if the release must not go live."""
        try:
            call_command("check", deploy=True)
        except CommandError as error:
            raise CommandError(f"{error}\n{OLD_STAYS} Then: {RETRY}, or push") from None
        if not attached():
            self.say(f"No database is attached, so nothing is migrated. Fix: {ATTACH}")
            return
        if problem := pooler_problem():
            raise CommandError(f"{problem}. {OLD_STAYS}")
        connections.close_all()  # a check may have opened one, without the lock
        use_direct_connection()
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

    def prepare(self, connection: BaseDatabaseWrapper, **kwargs: Any) -> None:
        """Make a new connection wait for other releases, but for tables not for long.

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
                    cause = f"Another release did not finish within {LOCK_WAIT}"
                    raise CommandError(f"{cause}. {locked()}") from error
            cursor.execute(f"SET lock_timeout = '{LOCK_TIMEOUT}'")

    def migrate(self, alias: str) -> None:
        """Migrate one database, or say why not."""
        if not attached(alias) or is_follower(alias):
            self.say(f"The database {alias} is a follower, so it is not migrated")
            return
        if alias == "default":
            call_command("createcachetable", database=alias, verbosity=0)
        migrations = unapplied(alias)
        try:
            call_command("migrate", database=alias, interactive=False)
        except Exception as error:
            done = set(migrations) - set(remaining(alias, migrations))
            failed = next((m for m in migrations if m not in done), "")
            raise CommandError(failure(failed, error)) from error
        self.say(f"The database {alias} is migrated: {len(migrations)} applied now")


def remaining(alias: str, migrations: list[str]) -> list[str]:
    """Return which of these migrations are not applied, as far as can be told."""
    with contextlib.suppress(Error):
        return unapplied(alias)
    return migrations


def locked() -> str:
    """Return what to do about a lock that another session holds."""
    return (
        f"{OLD_STAYS} Fix: find the session with heroku pg:locks, end it with heroku "
        f"pg:kill PID, then {RETRY}  (docs/errors.md#locks)"
    )


def failure(migration: str, error: Exception) -> str:
    """Return which migration failed, whether it was rolled back, and why."""
    if getattr(error.__cause__, "sqlstate", None) == "55P03":
        waited = f"waited {LOCK_TIMEOUT} for a table that others use"
        return f"The migration {migration} {waited}, and was rolled back. {locked()}"
    what = f"The migration {migration} failed" if migration else "Migrating failed"
    return (
        f"{what}: {error} It was rolled back if it is atomic, Django's default. "
        f"{OLD_STAYS} Fix: correct the migration, commit it and push"
    )


def explain(error: Error) -> str:
    """Return what a database's error means and what to do, without the password."""
    text = str(error).strip()
    known = (failure for failure in FAILURES if failure[0] in text.lower())
    _, cause, command = next(known, ("", text.splitlines()[-1], "heroku pg:info"))
    return (
        f"The database in DATABASE_URL cannot be used: {cause}. {OLD_STAYS} "
        f"Fix: {command}, then {RETRY}  (docs/errors.md#database)"
    )
