"""`python manage.py release`: what the Procfile runs before a new release goes live."""

from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import Error, connection, connections
from django.db.backends.signals import connection_created
from django.test.utils import setup_databases, teardown_databases

from dyno import database, refusals, visits
from dyno.checks.registry import is_local, on_heroku
from dyno.database import aliases, is_follower, unapplied
from dyno.pooler import pooler_problem
from dyno.refusals import AGAIN, LOCK_TIMEOUT, STAYS

# Any number will do, as long as every release of this database takes the same.
RELEASE_LOCK = 7_370_221

# How long a release waits for another one; the platform ends it after an hour.
LOCK_WAIT = "10min"


class Command(BaseCommand):
    """Checks, migrates and visits the site; a failure keeps the old release live."""

    help = __doc__
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        about = "without checks, on a test database: for bin/check"
        parser.add_argument("--rehearse", action="store_true", help=about)

    def handle(self, *, rehearse: bool = False, **options: Any) -> None:
        """Raise CommandError, so exit with 1, if the release must not go live."""
        if rehearse:
            self.rehearse()
            return
        try:
            call_command("check", deploy=on_heroku() or not is_local())
        except CommandError as error:
            again = f"{STAYS} Then: {AGAIN}, or commit and push"
            raise CommandError(f"{error}\n{again}") from None
        except Error as error:  # the traceback shows where
            cause = "A query runs as a module is loaded."
            error.add_note(f"{cause} Fix: move it into a function")
            raise
        self.migrate_all()
        if not is_local():
            visits.visit(self.say)

    def rehearse(self) -> None:
        """Visit the site on a test database; raise CommandError if a page fails."""
        try:
            options = {"interactive": False, "serialized_aliases": []}
            made = setup_databases(verbosity=0, **options)
        except Exception as error:
            cause = f"The migrations do not run on {connection.display_name}: {error}"
            if connection.vendor != "sqlite":
                raise CommandError(cause) from error
            fix = "DATABASE_URL=postgres://USER:PASSWORD@HOST/NAME bin/check"
            self.say(f"No page is visited. {cause}. Fix: {fix}")
            return
        try:
            visits.visit(self.say)
        finally:
            teardown_databases(made, verbosity=0)

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
            raise CommandError(refusals.refusal(alias, error)) from None
        if alias == "default":
            refusals.refuse_other_users()
        try:
            call_command("migrate", database=alias, interactive=False)
        except Exception as error:
            connections[alias].close()
            raise CommandError(refusals.failure(error)) from error
        self.say(f"The database {alias} is migrated: {before} applied now")
