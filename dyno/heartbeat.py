"""The sign of life of a task worker, and what becomes of a killed worker's tasks."""

import logging
import threading
import time
from datetime import timedelta
from typing import Any

from django.db import Error, connections
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
# The second allows for a restart of PostgreSQL, which ends every worker's connection.
HEARTBEAT = 3
GRACE = 10

# A task that lost its worker so many times is the cause itself: it takes more memory
# than the dyno has (R15), or longer than the 30 s in which a dyno must stop.
ATTEMPTS = 3

# The sign of life is the name of a worker's direct connection: it is gone when the
# process is, however that dies, and needs no clock.
SIGN = "task worker "
SHOW = "SELECT set_config('application_name', %s, false)"
LIVING = """
    SELECT DISTINCT application_name FROM pg_stat_activity
    WHERE datname = current_database() AND starts_with(application_name, %s)
"""
NO_WORKER = (
    "No worker runs, and %d tasks are queued, one for over an hour. "
    "Fix: heroku ps:scale worker=1  (docs/growing.md#tasks)"
)


class WorkerLost(Exception):
    """The worker that ran a task was killed."""


def living_workers(alias: str) -> set[str]:
    """Return the ids of the workers that run; this needs PostgreSQL."""
    with connections[alias].cursor() as cursor:
        cursor.execute(LIVING, [SIGN])
        return {name.removeprefix(SIGN) for (name,) in cursor}


def queue_and_workers() -> dict[str, int]:
    """Return how many tasks wait and how many workers run, and log if none does.

    For /ready, which stays 200: to take web dynos out would not start a worker.
    """
    now = timezone.now()
    hour_ago = now - timedelta(hours=1)
    ready = DBTaskResult.objects.ready()
    answer = {"queued": ready.count()}
    if connections["default"].vendor == "postgresql":
        answer["workers"] = len(living_workers("default"))
        old = ready.filter(enqueued_at__lt=hour_ago)
        old = old.exclude(run_after__range=(hour_ago, now))  # due for less than that
        if not answer["workers"] and old.exists():
            idle.warning(NO_WORKER, answer["queued"])
    return answer


def wait_for_database(error: Exception, alias: str = "default") -> None:
    """Log an outage, and let the next query make a new connection in a second."""
    outages.error("Waiting for the database: %s", error)
    connections[alias].close()
    time.sleep(1)


class Heartbeat(threading.Thread):
    """Shows the other workers that this one is alive, and recovers dead ones' tasks."""

    def __init__(self, worker_id: str) -> None:
        super().__init__(daemon=True)
        self.worker_id = worker_id
        self.shown = threading.Event()  # set while the others see this worker
        self.running_task: Any = None  # the id of the task that this worker is at
        self.orphans: dict[Any, float] = {}  # when each lost task was first seen

    def run(self) -> None:
        while True:
            try:
                self.beat()
                self.shown.set()
            except Error as error:
                self.shown.clear()
                wait_for_database(error, direct_alias())
            time.sleep(HEARTBEAT)

    def beat(self) -> None:
        """Show the sign, and put tasks back that had no worker for GRACE seconds."""
        with connections[direct_alias()].cursor() as cursor:
            cursor.execute(SHOW, [SIGN + self.worker_id])
        living = living_workers(direct_alias())
        now = time.monotonic()
        orphans = {}
        for row in DBTaskResult.objects.using(direct_alias()).running():
            worker_id = row.worker_ids[-1]
            # A claim may have been committed although its connection was lost.
            forgotten = worker_id == self.worker_id and row.pk != self.running_task
            if forgotten or worker_id not in living:
                orphans[row.pk] = self.orphans.get(row.pk, now)
                if now - orphans[row.pk] > GRACE:
                    put_back(row)
        self.orphans = orphans


def put_back(row: DBTaskResult) -> None:
    """Queue a task again whose worker was killed, or fail it after ATTEMPTS runs."""
    runs = len(row.worker_ids)
    lost = (
        f"Task id={row.pk} path={row.task_path} lost its worker, which was killed,"
        f" in run {runs} of {ATTEMPTS}"
    )
    # Nothing, if it has ended meanwhile or another worker was quicker.
    same_run = DBTaskResult.objects.using(direct_alias()).running()
    same_run = same_run.filter(pk=row.pk, worker_ids=row.worker_ids)
    logs.request_id.set(row.args_kwargs.get("request_id", "-"))
    if runs < ATTEMPTS:
        if same_run.update(status=TaskResultStatus.READY):
            logger.warning("%s: it will be run again", lost)
        return
    given_up = same_run.update(
        status=TaskResultStatus.FAILED,
        finished_at=timezone.now(),
        exception_class_path="dyno.heartbeat.WorkerLost",
        traceback=f"{lost}: given up",
    )
    if given_up:
        logger.error("%s: given up", lost)
