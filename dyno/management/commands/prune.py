"""`python manage.py prune`: for Heroku Scheduler, once a day; it needs no worker."""

from datetime import timedelta
from typing import Any

from django.apps import apps
from django.core.management import call_command
from django.core.management.base import BaseCommand
from django.utils import timezone

KEPT_DAYS = 14


class Command(BaseCommand):
    """Deletes expired sessions, and results of tasks that ended KEPT_DAYS ago."""

    help = __doc__

    def handle(self, **options: Any) -> None:
        """Print how many results were deleted."""
        call_command("clearsessions")
        if not apps.is_installed("django_tasks_db"):
            self.stdout.write("Deleted the expired sessions.")
            return
        from django_tasks_db.models import DBTaskResult

        old = timezone.now() - timedelta(days=KEPT_DAYS)
        results = DBTaskResult.objects.finished().filter(finished_at__lt=old)
        count = results.delete()[0]
        self.stdout.write(f"Deleted the expired sessions and {count} results of tasks.")
