"""The worker: django-tasks-db's own command, which keeps the queue and locks its rows.

Added here are a second SIGTERM, workers that are killed and a database that goes away.
"""

import logging
import os
import secrets
import signal
import threading
import time
import zlib
from typing import Any

from django.core.management import call_command
from django.db import Error, InterfaceError, OperationalError, connections, transaction
from django.db.models.signals import pre_save
from django.dispatch import receiver
from django.tasks import TaskResultStatus
from django.tasks.signals import task_finished, task_started
from django_tasks_db.models import DBTaskResult

from dyno import logs
from dyno.database import direct_alias, is_unavailable

logger = logging.getLogger(__name__)
outages = logger.getChild("database")
outages.addFilter(logs.OnceAMinute())

# How often a worker shows that it is alive, and how long it may fail to, in seconds.
# The second allows for a restart of PostgreSQL, in which every worker loses its lock.
HEARTBEAT = 3
GRACE = 10

# How long a connection is kept between tasks, in seconds.
KEPT_SECONDS = 600

# A task that lost its worker so many times is the cause itself: it takes more memory
# than the dyno has (R15), or longer than the 30 s in which a dyno must stop.
ATTEMPTS = 3

# Sets our locks apart from other advisory locks; any other number would do.
WORKER_LOCKS = 7_370_222
LIVING = """
    SELECT objid::bigint FROM pg_locks WHERE locktype = 'advisory' AND classid = %s
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""


class WorkerLost(Exception):
    """The worker that ran a task was killed."""


@receiver(pre_save, sender=DBTaskResult)
def keep_request_id(instance: DBTaskResult, **kwargs: Any) -> None:
    """Store with a new task the id of its request, for the worker's log."""
    if instance._state.adding:
        instance.args_kwargs["request_id"] = logs.request_id.get()


def lock_number(worker_id: str) -> int:
    """Return a positive number of 31 bits, as pg_try_advisory_lock() accepts it."""
    return zlib.crc32(worker_id.encode()) >> 1


def wait_for_database(error: Exception, alias: str = "default") -> None:
    """Log an outage, and let the next query make a new connection in a second."""
    outages.error("Waiting for the database: %s", error)
    connections[alias].close()
    time.sleep(1)


class Heartbeat(threading.Thread):
    """Shows the other workers that this one is alive, and recovers dead ones' tasks.

    The sign is a lock that PostgreSQL holds for this thread's direct connection: it
    ends with the process, however that dies, and needs no clock.
    """

    def __init__(self, worker_id: str) -> None:
        super().__init__(daemon=True)
        self.worker_id, self.holding = worker_id, threading.Event()
        self.running_task: Any = None  # the id of the task that this worker is at
        self.orphans: dict[Any, float] = {}  # when each lost run was first seen

    def run(self) -> None:
        while True:
            try:
                self.beat()
                self.holding.set()
            except Error as error:
                self.holding.clear()
                wait_for_database(error, direct_alias())
            time.sleep(HEARTBEAT)

    def beat(self) -> None:
        """Take the lock, and queue tasks again that had no worker for GRACE seconds."""
        with connections[direct_alias()].cursor() as cursor:
            mine = [WORKER_LOCKS, lock_number(self.worker_id)]
            cursor.execute("SELECT pg_try_advisory_lock(%s, %s)", mine)
            cursor.execute(LIVING, [WORKER_LOCKS])
            living = {number for (number,) in cursor}
        now, orphans = time.monotonic(), {}
        for row in DBTaskResult.objects.using(direct_alias()).running():
            worker_id = row.worker_ids[-1]
            # A claim may have been committed although its connection was lost.
            forgotten = worker_id == self.worker_id and row.pk != self.running_task
            if forgotten or lock_number(worker_id) not in living:
                run = (row.pk, len(row.worker_ids))
                orphans[run] = self.orphans.get(run, now)
                if now - orphans[run] > GRACE:
                    put_back(row)
        self.orphans = orphans


def put_back(row: DBTaskResult) -> None:
    """Queue a task again whose worker was killed, or fail it after ATTEMPTS runs."""
    same_run = DBTaskResult.objects.using(direct_alias()).running()
    same_run = same_run.filter(pk=row.pk, worker_ids=row.worker_ids)
    lost = (
        f"Task id={row.pk} path={row.task_path} lost its worker, which was killed,"
        f" in run {len(row.worker_ids)} of {ATTEMPTS}"
    )
    with transaction.atomic(using=direct_alias()):
        for row in same_run.select_for_update(skip_locked=True):
            logs.request_id.set(row.args_kwargs.get("request_id", "-"))
            if len(row.worker_ids) < ATTEMPTS:
                row.status = TaskResultStatus.READY
                row.save(update_fields=["status"])
                logger.warning("%s: it will be run again", lost)
            else:
                row.set_failed(WorkerLost(f"{lost}: given up"))
                logger.error("%s: given up", lost)


class Worker:
    """Runs django-tasks-db's command, again after each outage, until a signal."""

    def __init__(self, *, batch: bool) -> None:
        worker_id = f"{os.environ.get('DYNO', 'worker')}-{secrets.token_hex(4)}"
        self.heartbeat = Heartbeat(worker_id)
        self.stopping, self.handlers = False, {}
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
        logger.info("Stopped, with no task left running")

    def begin_task(self, task_result: Any, **kwargs: Any) -> None:
        """Keep signals from failing the task; Heroku may send two."""
        if not (row := getattr(task_result, "db_result", None)):
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
        while self.handlers:
            signal.signal(*self.handlers.popitem())
        if self.stopping:
            signal.raise_signal(signal.SIGTERM)

    def before_save(self, instance: DBTaskResult, **kwargs: Any) -> None:
        """Wait for the database, and let no column refuse the outcome of a task."""
        text = instance.traceback.replace("\0", "")
        instance.traceback = text.encode(errors="replace").decode()
        while instance.pk == self.heartbeat.running_task:
            try:
                with connections["default"].cursor() as cursor:
                    cursor.execute("SELECT 1")
                break
            except (OperationalError, InterfaceError) as error:
                wait_for_database(error)
