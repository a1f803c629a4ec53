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
once_a_minute = logger.getChild("once_a_minute")
once_a_minute.addFilter(noise.OnceAMinute())

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
            once_a_minute.warning(NO_WORKER, answer["queued"])
    return answer


def wait_for_database(error: Exception, alias: str = "default") -> None:
    """Log an outage, and let the next query make a new connection in a second."""
    logs.request_id.set("-")
    once_a_minute.error("Waiting for the database: %s", error)
    connections[alias].close()
    time.sleep(1)


class Heartbeat(threading.Thread):
    """Shows the other workers that this one is alive, and recovers dead ones' tasks."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.worker_id = ""
        self.lost: dict[Any, float] = {}  # when each such task was first seen

    def run(self) -> None:
        while True:
            try:
                self.beat()
            except Error as error:
                wait_for_database(error, direct_alias())
            time.sleep(HEARTBEAT)

    def beat(self) -> None:
        """Show the sign, and put tasks back that had no worker for GRACE seconds."""
        with connections[direct_alias()].cursor() as cursor:
            cursor.execute(SHOW, [SIGN + self.worker_id])
        living = living_workers(direct_alias())
        now = time.monotonic()
        rows = DBTaskResult.objects.using(direct_alias()).running()
        lost = [row for row in rows if row.worker_ids[-1] not in living]
        self.lost = {row.pk: self.lost.get(row.pk, now) for row in lost}
        for row in lost:
            if now - self.lost[row.pk] > GRACE:
                put_back(row)


def put_back(row: DBTaskResult) -> None:
    """Queue a task again whose worker was killed, or fail it after ATTEMPTS runs."""
    runs = len(row.worker_ids)
    lost = f"lost its worker, which was killed, in run {runs} of {ATTEMPTS}"
    if runs < ATTEMPTS:
        lost += ": it will be run again"
        changes = {"status": TaskResultStatus.READY}
    else:
        lost += ": given up"
        changes = {"status": TaskResultStatus.FAILED, "finished_at": timezone.now()}
        changes |= {"exception_class_path": "builtins.RuntimeError", "traceback": lost}
    # Nothing, if it has ended meanwhile or another worker was quicker.
    same_run = DBTaskResult.objects.using(direct_alias()).running()
    same_run = same_run.filter(pk=row.pk, worker_ids=row.worker_ids)
    if same_run.update(**changes):
        logs.request_id.set(row.args_kwargs.get("request_id", "-"))
        logger.error("Task id=%s path=%s %s", row.pk, row.task_path, lost)
