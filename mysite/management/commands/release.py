"""`python manage.py release`: what the Procfile runs before a new release goes live."""

from django.core.management import call_command
from django.core.management.base import BaseCommand
from django.db import connection

from mysite.checks import ATTACH
from mysite.database import attached

# Any number will do, as long as every release of this database takes the same.
LOCK = 7_370_221

# A migration that waits longer for a table holds up every reader behind it.
LOCK_TIMEOUT = "5s"


class Command(BaseCommand):
    """Checks the deployment, then migrates; what fails keeps the old release live."""

    help = __doc__
    requires_system_checks = []

    def handle(self, **options):
        call_command("check", deploy=True)
        if not attached():
            self.stdout.write(f"No database is attached, so none is migrated: {ATTACH}")
            return
        with connection.cursor() as cursor:
            if connection.vendor == "postgresql":
                # Two releases at once would migrate the same tables twice.
                cursor.execute("SET lock_timeout = '10min'")
                cursor.execute("SELECT pg_advisory_lock(%s)", [LOCK])
                cursor.execute(f"SET lock_timeout = '{LOCK_TIMEOUT}'")
        call_command("createcachetable")
        call_command("migrate", interactive=False)
        connection.close()
