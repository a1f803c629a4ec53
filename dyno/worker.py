"""The worker: django-tasks-db's own command, which keeps the queue and locks its rows.

Added here are a second SIGTERM, workers that are killed and a database that goes away.
"""

import logging
import os
import secrets
import signal
import threading
import time
from datetime import timedelta
from typing import Any

from django.core.management import call_command
from django.db import Error, InterfaceError, OperationalError, connections
from django.db.models.signals import pre_save
from django.dispatch import receiver
from django.tasks import TaskResultStatus
from django.tasks.signals import task_finished, task_started
from django.utils import timezone
from django_tasks_db.models import DBTaskResult

from dyno import logs
from dyno.database import direct_alias
from dyno.heartbeat import Heartbeat, wait_for_database
from dyno.outages import is_unavailable

logger = logging.getLogger(__name__)

# How long a connection is kept between tasks, in seconds.
KEPT_SECONDS = 600

# How long a task that this release does not have waits at least.
LATER = timedelta(minutes=1)


@receiver(pre_save, sender=DBTaskResult)
def keep_request_id(instance: DBTaskResult, **kwargs: Any) -> None:
    """Store with a new task the id of its request, for the worker's log."""
    if instance._state.adding:
        instance.args_kwargs["request_id"] = logs.request_id.get()


class Worker:
    """Runs django-tasks-db's command, again after each outage, until a signal."""

    def __init__(self, *, batch: bool) -> None:
        worker_id = f"{os.environ.get('DYNO', 'worker')}-{secrets.token_hex(4)}"
        self.heartbeat = Heartbeat(worker_id)
        self.stopping = False
        self.unknown: Any = None  # the id of the task that this release did not have
        self.handlers: dict[int, Any] = {}  # of signals, while a task runs
        self.options = {"queue_name": "*", "batch": batch, "worker_id": worker_id}
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
            self.heartbeat.holding.set()
        while not self.stopping:
            try:
                self.heartbeat.holding.wait()
                call_command("db_worker", **self.options, reload=False)
                if not (self.options["batch"] and self.heartbeat.orphans):
                    break
                time.sleep(1)
            except Error as error:
                if not is_unavailable(error):
                    raise
                wait_for_database(error)
            except SystemExit:  # a signal came between two tasks
                break
            except Exception:
                if not self.unknown:
                    raise
                logger.exception(
                    "Going on after a task that this release does not have"
                )
                self.unknown = None
        logger.info("Stopped, with no task left running")

    def begin_task(self, task_result: Any, **kwargs: Any) -> None:
        """Keep signals from failing the task; Heroku may send two."""
        row = getattr(task_result, "db_result", None)
        if row is None:
            return  # of another backend, which runs its tasks at once
        self.heartbeat.running_task = row.pk
        self.unknown = None
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
        while self.handlers:
            signal.signal(*self.handlers.popitem())
        if self.stopping:
            signal.raise_signal(signal.SIGTERM)

    def before_save(self, instance: DBTaskResult, **kwargs: Any) -> None:
        """Wait for the database, and let no column refuse the outcome of a task."""
        text = instance.traceback.replace("\0", "")
        instance.traceback = text.encode(errors="replace").decode()
        failed = instance.status == TaskResultStatus.FAILED
        in_heartbeat = (
            threading.current_thread() is self.heartbeat
        )  # it gives a task up
        if failed and instance.pk != self.heartbeat.running_task and not in_heartbeat:
            try:
                instance.task  # noqa: B018
            except Exception as error:
                self.leave_in_queue(instance, error)
        while instance.pk == self.heartbeat.running_task:
            try:
                with connections["default"].cursor() as cursor:
                    cursor.execute("SELECT 1")
                break
            except (OperationalError, InterfaceError) as error:
                wait_for_database(error)

    def leave_in_queue(self, instance: DBTaskResult, error: Exception) -> None:
        """Queue a task again that another release may have, but not this one."""
        self.unknown = instance.pk
        now = timezone.now()
        run_after = now + max(LATER, now - instance.enqueued_at)
        row = DBTaskResult.objects.filter(pk=instance.pk)
        row.update(run_after=run_after, worker_ids=instance.worker_ids[:-1])
        instance.status = TaskResultStatus.READY
        instance.finished_at = None
        logger.error(
            "Task id=%s path=%s is not in this release: %s. It waits until %s. Fix: "
            "give it back under this name, or delete it  (docs/growing.md#tasks)",
            instance.pk,
            instance.task_path,
            error,
            run_after.isoformat(timespec="seconds"),
        )
