"""`python manage.py worker`: what the Procfile runs for `heroku ps:scale worker=1`.

django-tasks-db's own command keeps the queue and locks its rows. Added here are a
second SIGTERM, workers that are killed and a database that goes away.
"""

import logging
import os
import secrets
import signal
import time
from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import Error, close_old_connections, connections
from django.db.models.signals import pre_save
from django.tasks import TaskResultStatus, task_backends
from django.tasks.exceptions import InvalidTask
from django_tasks_db import DatabaseBackend
from django_tasks_db.models import DBTaskResult

from dyno import logs
from dyno.database import ATTACH, attached, direct_alias
from dyno.heartbeat import HEARTBEAT, Heartbeat, wait_for_database
from dyno.outages import is_unavailable
from dyno.pooler import pooler_problem

logger = logging.getLogger("dyno.worker")

NOT_HERE = (
    "Task id=%s path=%s cannot be run by this release: %s. It fails. Fix: keep its old "
    "name for one release, and queue it again  (docs/growing.md#tasks)"
)


class Command(BaseCommand):
    """Runs tasks until it is told to stop, then finishes the one that is running."""

    help = __doc__
    stopping = False
    stop_queue: Any = None  # what django-tasks-db's command does at a signal

    def add_arguments(self, parser: CommandParser) -> None:
        """Add --batch."""
        parser.add_argument(
            "--batch",
            action="store_true",
            help="stop when no task is left: for Heroku Scheduler instead of a worker",
        )

    def handle(self, *, batch: bool, **options: Any) -> None:
        """Return after a signal or, in a batch, once no task waits or runs.

        Raise CommandError if there is no queue, or the connection has no session.
        """
        if not isinstance(task_backends["default"], DatabaseBackend):
            raise CommandError("Tasks are run at once here, so a worker has no work.")
        if not attached():
            raise CommandError(f"Tasks wait in a database. Fix: {ATTACH}")
        if problem := pooler_problem(direct_alias()):
            raise CommandError(problem)
        # The queue is asked each second, by default on a new connection each time.
        connections["default"].settings_dict["CONN_MAX_AGE"] = 600
        pre_save.connect(self.before_save, sender=DBTaskResult)
        self.heartbeat = Heartbeat()
        if connections[direct_alias()].vendor == "postgresql":
            self.heartbeat.start()
        while not self.stopping:
            try:
                self.run_queue(batch)
                if not (batch and self.may_recover_tasks()):
                    break
                time.sleep(HEARTBEAT)
            except Error as error:
                if not is_unavailable(error):
                    raise
                wait_for_database(error)
            except InvalidTask:
                continue  # its queue is not in TASKS, and it was marked as failed

    def run_queue(self, batch: bool) -> None:
        """Run tasks until a signal or an error or, in a batch, until none is left."""
        # In an outage, django-tasks-db would log its start each second.
        connections["default"].ensure_connection()
        # A claim may have been committed although its connection was lost: under a new
        # id, it counts as that of a worker that was killed.
        dyno = os.environ.get("DYNO", "worker")
        self.heartbeat.worker_id = f"{dyno}-{secrets.token_hex(4)}"
        call_command(
            "db_worker",
            queue_name="*",
            batch=batch,
            worker_id=self.heartbeat.worker_id,
            reload=False,
        )

    def may_recover_tasks(self) -> bool:
        """Return whether a task may come back whose worker was killed."""
        return self.heartbeat.is_alive() and DBTaskResult.objects.running().exists()

    def before_save(self, instance: DBTaskResult, **kwargs: Any) -> None:
        """Prepare for a task that was taken, or for storing its outcome."""
        if instance.status == TaskResultStatus.RUNNING:
            logs.request_id.set(instance.args_kwargs.get("request_id", "-"))
            self.take_signals()
            try:
                instance.task  # noqa: B018
            except Exception as error:
                logger.error(NOT_HERE, instance.pk, instance.task_path, error)
        elif instance.status != TaskResultStatus.READY:
            close_old_connections()  # PostgreSQL may have restarted during the task
            text = instance.traceback.replace("\0", "")  # which no column takes,
            instance.traceback = text.encode(errors="replace").decode()  # as surrogates

    def take_signals(self) -> None:
        """Keep a second signal from failing the task: Heroku may send two."""
        handler = signal.getsignal(signal.SIGTERM)
        if handler != self.stop_once:
            self.stop_queue = handler
            signal.signal(signal.SIGINT, self.stop_once)
            signal.signal(signal.SIGTERM, self.stop_once)

    def stop_once(self, number: int, frame: Any) -> None:
        """Pass on the first signal: the queue ends after the task, or at once."""
        if not self.stopping:
            self.stopping = True
            self.stop_queue(number, frame)
