"""The worker: runs Django's tasks out of the database, and outlives what kills it.

django-tasks-db keeps the queue, and its row locks let no two workers run one task. Here
is what it leaves open: signals, workers that die, a database that goes away.
"""

import functools
import logging
import os
import secrets
import threading
import time
import zlib

from django.db import (
    DataError,
    Error,
    InterfaceError,
    OperationalError,
    connection,
    transaction,
)
from django.db.models.signals import pre_save
from django.dispatch import receiver
from django.tasks import TaskResultStatus
from django_tasks_db.management.commands import db_worker
from django_tasks_db.models import DBTaskResult

from mysite import logs

logger = logging.getLogger(__name__)
outages = logger.getChild("database")
outages.addFilter(logs.OnceAMinute())

# How often a worker shows that it lives, and how long it may fail to, in seconds. The
# second allows for a restart of PostgreSQL, in which every worker loses its lock.
HEARTBEAT = 3
GRACE = 10

# A task whose worker dies so many times is what kills it: most often it takes more
# memory than the dyno has (R15), or more than the 30 s that a dyno has to stop.
ATTEMPTS = 3

# Keeps our locks apart from other advisory locks, as any other number would.
LOCKS = 7_370_222
LIVING = """
    SELECT objid::bigint FROM pg_locks WHERE locktype = 'advisory' AND classid = %s
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""


class WorkerLost(Exception):
    """The worker that ran a task was killed."""


@receiver(pre_save, sender=DBTaskResult)
def keep_request_id(instance, **kwargs):
    """Write down with a new task which request it came from, for the worker's log."""
    if instance._state.adding:
        instance.args_kwargs["request_id"] = logs.request_id.get()


def depth():
    """Return how many tasks wait for a worker."""
    return DBTaskResult.objects.ready().count()


def lock_number(worker_id):
    """Return a positive number of 31 bits, as pg_try_advisory_lock() takes it."""
    return zlib.crc32(worker_id.encode()) >> 1


def wait_for_the_database(error):
    """Say why, once a minute, and let the next query make a new connection."""
    outages.error("Waiting for the database: %s", error)
    connection.close()
    time.sleep(1)


def patiently(operation, *args, **kwargs):
    """Do it as often as it takes until the database answers."""
    while True:
        try:
            return operation(*args, **kwargs)
        except (OperationalError, InterfaceError) as error:
            wait_for_the_database(error)


class Keeper(threading.Thread):
    """Shows the other workers that this one lives, and looks after those that do not.

    The sign is a lock that PostgreSQL holds for this thread's connection: it ends with
    the process, however that dies, and needs no clock.
    """

    def __init__(self, worker_id):
        super().__init__(daemon=True)
        self.worker_id = worker_id
        self.holding = False
        self.task = None
        self.orphans = {}

    def run(self):
        while True:
            try:
                holding = self.hold()
                self.adopt()
                self.holding = holding
            except Error as error:
                self.holding = False
                wait_for_the_database(error)
            time.sleep(HEARTBEAT)

    def hold(self):
        """Take the lock, once more if it is held, and return whether it is ours now."""
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT pg_try_advisory_lock(%s, %s)",
                [LOCKS, lock_number(self.worker_id)],
            )
            return cursor.fetchone()[0]

    def adopt(self):
        """Put back into the queue what has had no worker for GRACE seconds."""
        with connection.cursor() as cursor:
            cursor.execute(LIVING, [LOCKS])
            living = {number for (number,) in cursor}
        seen, self.orphans = self.orphans, {}
        for row in DBTaskResult.objects.running():
            worker_id = row.worker_ids[-1]
            # A claim whose COMMIT was cut off may have come through all the same.
            forgotten = worker_id == self.worker_id and row.pk != self.task
            if lock_number(worker_id) in living and not forgotten:
                continue
            run = (row.pk, len(row.worker_ids))
            self.orphans[run] = seen.get(run, time.monotonic())
            if time.monotonic() - self.orphans[run] > GRACE:
                self.put_back(row)

    def put_back(self, row):
        same_run = DBTaskResult.objects.running().filter(worker_ids=row.worker_ids)
        with transaction.atomic():
            row = same_run.select_for_update(skip_locked=True).filter(pk=row.pk).first()
            if row is None:  # another worker was faster
                return
            logs.request_id.set(row.args_kwargs.get("request_id", "-"))
            lost = (
                f"Task id={row.pk} path={row.task_path} lost its worker, which was"
                f" killed, in run {len(row.worker_ids)} of {ATTEMPTS}"
            )
            if len(row.worker_ids) < ATTEMPTS:
                row.status = TaskResultStatus.READY
                row.save(update_fields=["status"])
                logger.warning("%s: it will be run again", lost)
            else:
                row.set_failed(WorkerLost(f"{lost}: given up"))
                logger.error("%s: given up", lost)


class Worker(db_worker.Worker):
    """django-tasks-db's worker, with a loop of its own around its run_task()."""

    def __init__(self, *, batch):
        super().__init__(
            queue_names=["*"],
            excluded_queue_names=[],
            interval=1,
            batch=batch,
            backend_name="default",
            startup_delay=False,
            max_tasks=None,
            worker_id=f"{os.environ.get('DYNO', 'worker')}-{secrets.token_hex(4)}",
        )
        self.keeper = Keeper(self.worker_id)

    def shutdown(self, signum, frame):
        """Stop after the running task, however often Heroku says so; see run()."""
        self.running = False

    def run(self):
        """Run tasks until a signal comes or, in a batch, until none is left.

        A dyno is killed 30 s after the signal: a task that takes longer is then found
        by another worker and run again from its start.
        """
        keeper = self.keeper
        if connection.vendor == "postgresql":
            keeper.start()
        else:
            keeper.holding = True
        logger.info("Worker %s started", self.worker_id)
        while self.running:
            try:
                row = self.claim() if keeper.holding else None
            except (OperationalError, InterfaceError) as error:
                wait_for_the_database(error)
                continue
            if row is not None:
                self.run_task(row)
            elif self.batch and keeper.holding and not keeper.orphans:
                break
            else:
                time.sleep(self.interval)
        logger.info("Worker %s stopped, with no task left running", self.worker_id)

    def claim(self):
        """Return the next task, which no other worker will get, or None."""
        tasks = DBTaskResult.objects.ready().filter(backend_name=self.backend_name)
        with db_worker.exclusive_transaction():
            row = tasks.get_locked()
            if row is not None:
                row.claim(self.worker_id)
        return row

    def run_task(self, row):
        """Run it with its request's id in the log; its outcome outlasts an outage."""
        logs.request_id.set(row.args_kwargs.get("request_id", "-"))
        self.keeper.task = row.pk
        row.save = functools.partial(patiently, row.save)
        try:
            super().run_task(row)
        except (DataError, UnicodeEncodeError):
            # The error's message may hold a NUL, or half of a character.
            logger.exception("Task id=%s failed with what no column takes", row.pk)
            row.set_failed(ValueError("No column takes its own message: see the log"))
        self.keeper.task = None
        logs.request_id.set("-")
        db_worker.close_old_connections()
