"""The worker: django-tasks-db's own command, which keeps the queue and locks its rows.

Added here are a second SIGTERM, workers that are killed and a database that goes away.
"""

import logging
import os
import secrets
import signal
import time
from typing import Any

from django.core.management import call_command
from django.db import Error, InterfaceError, OperationalError, connections
from django.db.models.signals import pre_save
from django.dispatch import receiver
from django.tasks import TaskResultStatus
from django.tasks.exceptions import InvalidTask
from django.tasks.signals import task_finished, task_started
from django_tasks_db.models import DBTaskResult

from dyno import logs
from dyno.database import direct_alias
from dyno.heartbeat import Heartbeat, wait_for_database
from dyno.outages import is_unavailable

logger = logging.getLogger(__name__)

# How long a connection is kept between tasks, in seconds.
KEPT_SECONDS = 600

NOT_HERE = (
    "Task id=%s path=%s cannot be run by this release: %s. It fails. Fix: keep its old "
    "name for one release, and queue it again  (docs/growing.md#tasks)"
)


@receiver(pre_save, sender=DBTaskResult)
def keep_request_id(instance: DBTaskResult, **kwargs: Any) -> None:
    """Store with a new task the id of its request, for the worker's log."""
    if instance._state.adding:
        instance.args_kwargs["request_id"] = logs.request_id.get()


class Worker:
    """Runs django-tasks-db's command, again after each outage, until a signal."""

    def __init__(self, *, batch: bool) -> None:
        self.batch = batch
        self.id = f"{os.environ.get('DYNO', 'worker')}-{secrets.token_hex(4)}"
        self.heartbeat = Heartbeat(self.id)
        self.stopping = False
        self.handlers: dict[int, Any] = {}  # of signals, while a task runs
        task_started.connect(self.begin_task)
        task_finished.connect(self.end_task)
        pre_save.connect(self.before_save, sender=DBTaskResult)

    def run(self) -> None:
        """Return after a signal or, in a batch, once no task waits or runs."""
        for connection in connections.all():
            # The command looks for a task each second, and closes what may be closed.
            connection.settings_dict["CONN_MAX_AGE"] = KEPT_SECONDS
        if connections[direct_alias()].vendor == "postgresql":
            self.heartbeat.start()
        else:
            self.heartbeat.shown.set()
        while not self.stopping:
            try:
                self.heartbeat.shown.wait()
                self.run_command()
                if not (self.batch and self.heartbeat.orphans):
                    break
                time.sleep(1)
            except Error as error:
                if not is_unavailable(error):
                    raise
                wait_for_database(error)
            except InvalidTask:
                continue  # its queue is not in TASKS, and it was marked as failed
            except SystemExit:  # a signal came between two tasks
                break
        logger.info("Stopped, with no task left running")

    def run_command(self) -> None:
        """Run tasks until a signal or an error or, in a batch, until none is left."""
        call_command(
            "db_worker",
            queue_name="*",
            batch=self.batch,
            worker_id=self.id,
            reload=False,
        )

    def begin_task(self, task_result: Any, **kwargs: Any) -> None:
        """Keep signals from failing the task; Heroku may send two."""
        row = getattr(task_result, "db_result", None)
        if row is None:
            return  # of another backend, which runs its tasks at once
        self.heartbeat.running_task = row.pk
        logs.request_id.set(row.args_kwargs.get("request_id", "-"))
        for number in (signal.SIGINT, signal.SIGTERM):
            self.handlers[number] = signal.signal(number, self.stop_after_task)

    def stop_after_task(self, number: int, frame: Any) -> None:
        """Remember a signal that came while a task runs."""
        self.stopping = True

    def end_task(self, task_result: Any, **kwargs: Any) -> None:
        """Give the signals back to the command, and the one that came meanwhile."""
        if not hasattr(task_result, "db_result"):
            return
        self.heartbeat.running_task = None
        logs.request_id.set("-")
        for number, handler in self.handlers.items():
            signal.signal(number, handler)
        if self.stopping:
            signal.raise_signal(signal.SIGTERM)

    def before_save(self, instance: DBTaskResult, **kwargs: Any) -> None:
        """Name a task that cannot be run, and let each outcome be stored."""
        if instance.status == TaskResultStatus.RUNNING:
            try:
                instance.task  # noqa: B018
            except Exception as error:
                logger.error(NOT_HERE, instance.pk, instance.task_path, error)
        # No column takes these.
        text = instance.traceback.replace("\0", "")
        instance.traceback = text.encode(errors="replace").decode()
        while instance.pk == self.heartbeat.running_task:
            try:
                with connections["default"].cursor() as cursor:
                    cursor.execute("SELECT 1")
                break
            except (OperationalError, InterfaceError) as error:
                wait_for_database(error)
