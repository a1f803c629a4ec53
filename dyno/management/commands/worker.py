"""`python manage.py worker`: what the Procfile runs for `heroku ps:scale worker=1`."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.tasks import task_backends
from django_tasks_db import DatabaseBackend

from dyno.database import ATTACH, attached, direct_alias
from dyno.pooler import pooler_problem


class Command(BaseCommand):
    """Runs tasks until it is told to stop, then finishes the one that is running."""

    help = __doc__

    def add_arguments(self, parser: CommandParser) -> None:
        """Add --batch."""
        parser.add_argument(
            "--batch",
            action="store_true",
            help="stop when no task is left: for Heroku Scheduler instead of a worker",
        )

    def handle(self, *, batch: bool, **options: Any) -> None:
        """Raise CommandError if there is no queue."""
        if not isinstance(task_backends["default"], DatabaseBackend):
            raise CommandError("Tasks are run at once here, so a worker has no work.")
        if not attached():
            raise CommandError(f"Tasks wait in a database. Fix: {ATTACH}")
        if problem := pooler_problem(direct_alias()):
            raise CommandError(problem)
        from dyno.worker import Worker

        Worker(batch=batch).run()
