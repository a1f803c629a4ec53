"""`python manage.py prune`: for Heroku Scheduler, once a day; it needs no worker."""

from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand


class Command(BaseCommand):
    """Deletes expired sessions, and results of tasks that ended two weeks ago."""

    help = __doc__

    def handle(self, **options: Any) -> None:
        """Run Django's command, and django-tasks-db's if tasks are kept there."""
        call_command("clearsessions")
        if settings.TASKS["default"]["BACKEND"].startswith("django_tasks_db."):
            call_command("prune_db_task_results", queue_name="*", min_age_days=14)
