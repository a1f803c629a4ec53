"""The worker runs tasks, and survives outages, killed workers and odd tasks."""

from datetime import timedelta

import pytest
from django.contrib.sessions.models import Session
from django.core.management import CommandError, call_command
from django.db import OperationalError, connection
from django.tasks import TaskResultStatus, task
from django.utils import timezone
from django_tasks_db.models import DBTaskResult

from dyno import heartbeat, logs
from dyno.heartbeat import Heartbeat, put_back
from dyno.management.commands import worker

READY, RUNNING = TaskResultStatus.READY, TaskResultStatus.RUNNING
DONE, FAILED = TaskResultStatus.SUCCESSFUL, TaskResultStatus.FAILED

to_do = []


@task
def work():
    """Call what a test has put into `to_do`."""
    for function in to_do:
        function()


def running(*worker_ids):
    """Make the row of a task that runs, after these workers took it."""
    return DBTaskResult.objects.create(
        status=RUNNING,
        task_path=f"{__name__}.work",
        backend_name="default",
        args_kwargs={"args": [], "kwargs": {}},
        worker_ids=list(worker_ids),
    )


def statuses():
    return sorted(DBTaskResult.objects.values_list("status", flat=True))


@pytest.fixture
def queue(settings, transactional_db, monkeypatch):
    """Tasks wait in the database, as in production.

    Transactions are committed, since the command closes connections. Left out are its
    handlers of signals, and the heartbeat, which would keep a connection.
    """
    monkeypatch.setattr("signal.signal", lambda number, handler: None)
    monkeypatch.setattr(Heartbeat, "start", lambda heartbeat: None)
    monkeypatch.setitem(connection.settings_dict, "CONN_MAX_AGE", 0)
    settings.TASKS = {"default": {"BACKEND": "django_tasks_db.DatabaseBackend"}}
    settings.TASKS["default"]["QUEUES"] = ["default", "mail"]


def test_a_batch_runs_every_queue_on_one_connection_whatever_a_task_raises(queue):
    def fail():
        to_do.clear()
        raise ValueError("\0 \udcff")  # which no column takes

    to_do.append(fail)
    work.enqueue()
    work.using(queue_name="mail").enqueue()
    assert statuses() == [READY, READY]
    call_command("worker", batch=True)
    assert statuses() == [FAILED, DONE]
    assert connection.settings_dict["CONN_MAX_AGE"] == 600


def test_a_task_outlives_a_restart_of_postgresql(queue, on_postgresql):
    def cut_connection():
        to_do.clear()
        pid = connection.connection.info.backend_pid
        with connection.copy().cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(%s)", [pid])
            cursor.connection.close()

    to_do.append(cut_connection)
    work.enqueue()
    call_command("worker", batch=True)
    assert statuses() == [DONE]


def test_tasks_that_this_release_lacks_fail_and_the_next_one_runs(queue, caplog):
    for lacks in ({"task_path": f"{__name__}.renamed"}, {"queue_name": "renamed"}):
        lost = work.enqueue()
        DBTaskResult.objects.filter(pk=lost.id).update(**lacks)
    work.enqueue()
    call_command("worker", batch=True)
    assert statuses() == [FAILED, FAILED, DONE]
    for row in DBTaskResult.objects.filter(status=FAILED):
        cause = f"Task id={row.pk} path={row.task_path} cannot be run by this release"
        [told] = [text for text in caplog.messages if text.startswith(cause)]
        assert "Fix: keep its old name for one release, and queue it again" in told


def test_a_worker_without_a_queue_or_a_database_says_so(settings, monkeypatch):
    with pytest.raises(CommandError, match="run at once"):
        call_command("worker")
    settings.TASKS = {"default": {"BACKEND": "django_tasks_db.DatabaseBackend"}}
    monkeypatch.setattr(worker, "attached", lambda: False)
    with pytest.raises(CommandError, match="Fix: heroku addons:create"):
        call_command("worker")


def test_a_task_that_kills_its_workers_is_given_up_and_logged(queue, caplog):
    row = running("worker.1-a", "worker.1-b", "worker.1-c")
    put_back(row)
    row.refresh_from_db()
    assert row.status == FAILED
    assert "run 3 of 3" in row.traceback
    assert "given up" in caplog.text


def test_a_task_that_ended_meanwhile_is_left_alone(queue):
    row = running("worker.1-slow")
    DBTaskResult.objects.update(status=DONE)
    put_back(row)
    assert statuses() == [DONE]


@pytest.mark.parametrize("grace, queued", [(-1, 1), (3600, 0)])
def test_a_task_of_a_dead_worker_is_queued_again_after_a_time_of_grace(
    on_postgresql, monkeypatch, grace, queued
):
    monkeypatch.setattr(heartbeat, "GRACE", grace)
    alive = Heartbeat()
    alive.worker_id = "worker.1-alive"
    alive.beat()
    running("worker.1-alive")
    dead = running("worker.2-dead")
    alive.beat()
    alive.beat()
    assert list(DBTaskResult.objects.ready()) == [dead] * queued
    assert heartbeat.queue_and_workers() == {"queued": queued, "workers": 1}


@pytest.fixture
def old_task(queue, on_postgresql, monkeypatch):
    """A task that has waited for two hours."""
    monkeypatch.setattr(heartbeat.once_a_minute.filters[0], "quiet_until", 0)
    work.enqueue()
    two_hours_ago = timezone.now() - timedelta(hours=2)
    DBTaskResult.objects.update(enqueued_at=two_hours_ago)


def test_tasks_that_wait_without_a_worker_are_told_once_a_minute(old_task, caplog):
    for _ in range(2):
        assert heartbeat.queue_and_workers() == {"queued": 1, "workers": 0}
    [said] = [text for text in caplog.messages if "No worker runs" in text]
    assert "Fix: heroku ps:scale worker=1 " in said


def test_tasks_that_wait_for_their_turn_are_not_told(old_task, caplog):
    alive = Heartbeat()
    alive.worker_id = "worker.1-alive"
    alive.beat()
    assert heartbeat.queue_and_workers() == {"queued": 1, "workers": 1}
    assert not caplog.messages


@pytest.mark.parametrize(
    "field, minutes, queued",
    [("enqueued_at", 0, 1), ("run_after", -1, 1), ("run_after", 1, 0)],
    ids=["new", "due for a minute", "not due"],
)
def test_a_task_may_wait_for_a_worker_that_starts(
    old_task, caplog, field, minutes, queued
):
    moment = timezone.now() + timedelta(minutes=minutes)
    DBTaskResult.objects.update(**{field: moment})
    assert heartbeat.queue_and_workers() == {"queued": queued, "workers": 0}
    assert not caplog.messages


def test_an_outage_is_logged_without_the_id_of_the_last_task(monkeypatch):
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    logs.request_id.set("of a task")
    heartbeat.wait_for_database(OperationalError("away"))
    assert logs.request_id.get() == "-"


def test_pruning_deletes_what_has_expired_and_nothing_else(queue):
    now = timezone.now()
    for name, days in (("old", -1), ("new", 1)):
        expires = now + timedelta(days=days)
        Session.objects.create(session_key=name, session_data="", expire_date=expires)
    done = {"status": DONE, "args_kwargs": {}, "backend_name": "default"}
    DBTaskResult.objects.create(**done, finished_at=now - timedelta(days=15))
    DBTaskResult.objects.create(**done, finished_at=now - timedelta(days=13))
    DBTaskResult.objects.create(args_kwargs={})

    call_command("prune")

    assert [session.pk for session in Session.objects.all()] == ["new"]
    assert statuses() == [READY, DONE]
    assert DBTaskResult.objects.get(status=DONE).finished_at > now - timedelta(days=14)
