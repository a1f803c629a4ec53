"""`python manage.py release`: what the Procfile runs before a new release goes live."""

from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import OperationalError, connection
from django.db.backends.signals import connection_created

from mysite.checks import ATTACH
from mysite.checks.server import unapplied_migrations
from mysite.database import attached

# Any number will do, as long as every release of this database takes the same.
LOCK = 7_370_221

# How long a release waits for another one; the platform ends it after an hour.
LOCK_WAIT = "10min"

# A migration that waits longer for a table holds up every reader behind it.
LOCK_TIMEOUT = "5s"

KILL = "heroku pg:killall, then heroku releases:retry"
LOCKS = (
    "The old release stays live. Who holds the lock: heroku pg:locks; end that one: "
    "heroku pg:kill PID; then: heroku releases:retry  (docs/errors.md#locks)"
)
INFO = "heroku pg:info; when it is back: heroku releases:retry"

CREDENTIALS = "heroku pg:credentials:url, and heroku config:get DATABASE_URL beside it"

# PostgreSQL's words, in small letters, and what they mean here. Its own message is not
# repeated, for it names the host and the user.
FAILURES = (
    ("too many connections", "has no connection left", KILL),
    ("connection slots", "has no connection left", KILL),
    ("password", "does not know this user or this password", CREDENTIALS),
    ("does not exist", "has no such database or user", CREDENTIALS),
    ("resolve host", "is at a host that has no address", CREDENTIALS),
    ("ssl", "could not be reached over TLS", INFO),
    ("refused", "accepts no connections", INFO),
    ("starting up", "is just starting", INFO),
    ("shutting down", "is being restarted", INFO),
    ("timeout", "does not answer", INFO),
)


class Command(BaseCommand):
    """Checks the deployment, then migrates; what fails keeps the old release live."""

    help = __doc__
    requires_system_checks = []

    def handle(self, **options):
        """Raise CommandError, so exit with 1, where the release must not go live."""
        try:
            call_command("check", deploy=True)
            if not attached():
                self.say(f"No database is attached, so none is migrated: {ATTACH}")
                return
            connection.close()  # a check may have opened one, without the lock
            connection_created.connect(self.prepare)
            self.migrate()
        except OperationalError as error:
            raise CommandError(explain(error)) from None
        finally:
            connection_created.disconnect(self.prepare)
            connection.close()

    def say(self, text):
        self.stdout.write(f"==> {text}")

    def prepare(self, connection, **kwargs):
        """Make a connection wait for other releases, and for tables not for long.

        Each new one, since a migration may have lost the one that it began with.
        """
        if connection.vendor != "postgresql":
            return
        with connection.cursor() as cursor:
            # Two releases at once would migrate the same tables twice.
            cursor.execute("SELECT pg_try_advisory_lock(%s)", [LOCK])
            if not cursor.fetchone()[0]:
                self.say(f"Another release migrates: waiting for it, up to {LOCK_WAIT}")
                cursor.execute(f"SET lock_timeout = '{LOCK_WAIT}'")
                try:
                    cursor.execute("SELECT pg_advisory_lock(%s)", [LOCK])
                except OperationalError as error:
                    cause = f"Another release did not end its migration in {LOCK_WAIT}"
                    raise CommandError(f"{cause}. {LOCKS}") from error
            cursor.execute(f"SET lock_timeout = '{LOCK_TIMEOUT}'")

    def migrate(self):
        call_command("createcachetable", verbosity=0)
        self.say("The cache has its table, if it needs one")
        count = len(unapplied_migrations())
        call_command("migrate", interactive=False)
        self.say(f"The database is migrated: {count} applied now")


def explain(error):
    """Return what an OperationalError means and what to do, with no secret in it."""
    code = getattr(error.__cause__, "sqlstate", None)
    if code == "55P03":
        cause = f"A migration waited {LOCK_TIMEOUT} for a table that others use"
        return f"{cause}, and gave up so that nobody waits behind it. {LOCKS}"
    text = str(error).lower()
    unknown = ("", f"failed ({code or type(error).__name__})", INFO)
    known = (failure for failure in FAILURES if failure[0] in text)
    _, cause, command = next(known, unknown)
    return (
        f"The database in DATABASE_URL {cause}, so the old release stays live. "
        f"Mend it: {command}  (docs/errors.md#database)"
    )
