"""The sign of life of a task worker, and what becomes of a killed worker's tasks."""

import logging
import threading
import time
import zlib
from datetime import timedelta
from typing import Any

from django.db import Error, connections, transaction
from django.tasks import TaskResultStatus
from django.utils import timezone
from django_tasks_db.models import DBTaskResult

from dyno import logs, noise
from dyno.database import direct_alias

logger = logging.getLogger(__name__)
outages = logger.getChild("database")
outages.addFilter(noise.OnceAMinute())
idle = logger.getChild("queue")
idle.addFilter(noise.OnceAMinute())

# How often a worker shows that it is alive, and how long it may fail to, in seconds.
# The second allows for a restart of PostgreSQL, in which every worker loses its lock.
HEARTBEAT = 3
GRACE = 10

# A task that lost its worker so many times is the cause itself: it takes more memory
# than the dyno has (R15), or longer than the 30 s in which a dyno must stop.
ATTEMPTS = 3

# Sets our locks apart from other advisory locks; any other number would do.
WORKER_LOCKS = 7_370_222
LIVING = """
    SELECT objid::bigint FROM pg_locks WHERE locktype = 'advisory' AND classid = %s
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""
NO_WORKER = (
    "No worker runs, and %d tasks are queued, one for over an hour. "
    "Fix: heroku ps:scale worker=1  (docs/growing.md#tasks)"
)


class WorkerLost(Exception):
    """The worker that ran a task was killed."""


def lock_number(worker_id: str) -> int:
    """Return a positive number of 31 bits, as pg_try_advisory_lock() accepts it."""
    return zlib.crc32(worker_id.encode()) >> 1


def living_workers(alias: str) -> set[int]:
    """Return the lock numbers of the workers that run; this needs PostgreSQL."""
    with connections[alias].cursor() as cursor:
        cursor.execute(LIVING, [WORKER_LOCKS])
        return {number for (number,) in cursor}


def queue_and_workers() -> dict[str, int]:
    """Return how many tasks wait and how many workers run, and log if none does.

    For /ready, which stays 200: to take web dynos out would not start a worker.
    """
    ready = DBTaskResult.objects.ready()
    answer = {"queued": ready.count()}
    if connections["default"].vendor == "postgresql":
        answer["workers"] = len(living_workers("default"))
        old = ready.filter(enqueued_at__lt=timezone.now() - timedelta(hours=1))
        if not answer["workers"] and old.exists():
            idle.warning(NO_WORKER, answer["queued"])
    return answer


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
        self.worker_id = worker_id
        self.holding = threading.Event()  # set while this worker has its lock
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
        living = living_workers(direct_alias())
        now = time.monotonic()
        orphans = {}
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
