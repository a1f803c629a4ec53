"""`python manage.py worker`: what the Procfile runs for `heroku ps:scale worker=1`."""

from django.core.management.base import BaseCommand, CommandError
from django.tasks import task_backends
from django_tasks_db import DatabaseBackend

from mysite.checks import ATTACH
from mysite.database import attached


class Command(BaseCommand):
    """Runs tasks until it is told to stop, then ends the one that it is at."""

    help = __doc__

    def add_arguments(self, parser):
        parser.add_argument(
            "--batch",
            action="store_true",
            help="stop when no task is left: for Heroku Scheduler instead of a worker",
        )

    def handle(self, *, batch, **options):
        if not isinstance(task_backends["default"], DatabaseBackend):
            raise CommandError("Tasks are done at once here, so a worker has no work.")
        if not attached():
            raise CommandError(f"Tasks wait in a database, and there is none: {ATTACH}")
        from mysite.queue import Worker

        worker = Worker(batch=batch)
        worker.configure_signals()
        worker.run()
