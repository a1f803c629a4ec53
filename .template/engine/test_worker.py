"""The worker runs tasks, and survives signals, killed workers and odd errors."""

import os
import signal
from datetime import timedelta

import pytest
import tasks
from django.contrib.sessions.models import Session
from django.core.management import CommandError, call_command
from django.db import OperationalError, connection
from django.utils import timezone
from django_tasks_db.models import DBTaskResult
from tasks import DONE, FAILED, PENDING, running, statuses

from dyno import health, logs, views
from dyno.heartbeat import Heartbeat, put_back
from dyno.management.commands import worker


@pytest.fixture(autouse=True)
def signals():
    """Give this process its own handlers back: the command replaces them."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGQUIT)
    kept = {number: signal.getsignal(number) for number in numbers}
    yield
    for number, handler in kept.items():
        signal.signal(number, handler)


@pytest.fixture(autouse=True)
def to_do(monkeypatch):
    """What the task does: a list of functions."""
    monkeypatch.setattr(tasks, "to_do", [])
    return tasks.to_do


def fail():
    raise RuntimeError("No work today")


def test_a_worker_keeps_its_connection_between_tasks(queue):
    call_command("worker", batch=True)
    assert connection.settings_dict["CONN_MAX_AGE"] == 600


def test_a_batch_runs_every_task_of_every_queue(queue):
    tasks.work.enqueue()
    tasks.work.using(queue_name="mail").enqueue()
    assert statuses() == [PENDING, PENDING]
    call_command("worker", batch=True)
    assert statuses() == [DONE, DONE]


def test_a_batch_waits_for_tasks_whose_worker_was_killed(queue, monkeypatch):
    row = running("worker.1-killed")
    monkeypatch.setattr(Heartbeat, "is_alive", lambda heartbeat: True)
    monkeypatch.setattr(worker.time, "sleep", lambda seconds: put_back(row))
    call_command("worker", batch=True)
    assert statuses() == [DONE]


def test_a_failed_task_is_logged_with_the_request_that_it_came_from(
    queue, to_do, caplog
):
    seen = []
    to_do += [lambda: seen.append(logs.request_id.get()), fail]
    token = logs.request_id.set("0b5a2c3e-the-request")
    tasks.work.enqueue()
    logs.request_id.reset(token)
    call_command("worker", batch=True)

    assert seen == ["0b5a2c3e-the-request"]
    assert statuses() == [FAILED]
    failures = [record for record in caplog.records if record.levelname == "ERROR"]
    assert "No work today" in str(failures[0].exc_info[1])


def test_a_task_that_would_end_the_process_fails_and_the_next_one_runs(queue, to_do):
    def end():
        to_do.clear()
        raise SystemExit

    to_do.append(end)
    tasks.work.enqueue()
    tasks.work.enqueue()
    call_command("worker", batch=True)
    assert statuses() == [FAILED, DONE]


def test_a_task_whose_worker_was_killed_is_run_again(queue, caplog):
    row = running("worker.1-dead")
    put_back(row)
    row.refresh_from_db()
    assert row.status == PENDING
    assert "it will be run again" in caplog.text
    call_command("worker", batch=True)
    row.refresh_from_db()
    assert row.status == DONE
    assert len(row.worker_ids) == 2


def test_a_task_that_kills_its_workers_is_given_up_and_logged(queue, caplog):
    row = running("worker.1-a", "worker.1-b", "worker.1-c")
    put_back(row)
    row.refresh_from_db()
    assert row.status == FAILED
    assert row.exception_class_path == "builtins.RuntimeError"
    assert "run 3 of 3" in row.traceback
    assert "given up" in caplog.text


@pytest.mark.parametrize(
    "lacks",
    [{"task_path": "tasks.renamed"}, {"queue_name": "renamed"}],
    ids=["task", "queue"],
)
def test_a_task_that_this_release_lacks_fails_and_the_next_one_runs(
    queue, caplog, lacks
):
    tasks.work.enqueue()
    DBTaskResult.objects.update(**lacks)
    tasks.work.enqueue()
    call_command("worker", batch=True)
    assert statuses() == [FAILED, DONE]
    row = DBTaskResult.objects.get(status=FAILED)
    [told] = [text for text in caplog.messages if "cannot be run by this" in text]
    assert f"Task id={row.pk} path={row.task_path} " in told
    assert "Fix: keep its old name for one release, and queue it again" in told

    # As docs/growing.md says.
    changes = {"status": PENDING, "task_path": "tasks.work", "queue_name": "default"}
    DBTaskResult.objects.filter(status=FAILED).update(**changes)
    call_command("worker", batch=True)
    row.refresh_from_db()
    assert row.status == DONE and not row.traceback


def test_a_task_that_ended_meanwhile_is_left_alone(queue):
    row = running("worker.1-slow")
    DBTaskResult.objects.update(status=DONE)
    put_back(row)
    assert statuses() == [DONE]


def test_signals_end_the_worker_only_between_tasks(queue, to_do):
    def signal_twice():
        os.kill(os.getpid(), signal.SIGTERM)
        os.kill(os.getpid(), signal.SIGTERM)

    to_do.append(signal_twice)
    tasks.work.enqueue()
    tasks.work.enqueue()
    call_command("worker")
    assert statuses() == [PENDING, DONE]


def test_a_worker_without_a_task_stops_at_a_signal(queue, monkeypatch):
    def sleep(seconds):
        signal.raise_signal(signal.SIGTERM)

    monkeypatch.setattr(worker.time, "sleep", sleep)
    with pytest.raises(SystemExit) as ended:
        call_command("worker")
    assert ended.value.code == 0


def test_a_worker_waits_for_a_database_that_went_away(queue, monkeypatch):
    """With another id: a task that it had claimed counts as one of a killed worker."""
    ids = []

    def run_queue(name, worker_id, **options):
        ids.append(worker_id)
        if len(ids) < 3:
            raise OperationalError("terminating connection")

    monkeypatch.setattr(worker, "call_command", run_queue)
    monkeypatch.setattr(worker.time, "sleep", lambda seconds: None)
    call_command("worker", batch=True)
    assert len(set(ids)) == 3


def test_a_task_outlives_a_restart_of_postgresql(queue, to_do, on_postgresql):
    def cut_connection():
        pid = connection.connection.info.backend_pid
        with connection.copy().cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(%s)", [pid])
            cursor.connection.close()

    to_do.append(cut_connection)
    tasks.work.enqueue()
    call_command("worker", batch=True)
    assert statuses() == [DONE]


def test_a_worker_has_no_work_in_development():
    with pytest.raises(CommandError, match="run at once"):
        call_command("worker")


def test_a_worker_without_a_database_names_the_command(queue, monkeypatch):
    command = "dyno.management.commands.worker.attached"
    monkeypatch.setattr(command, lambda: False)
    with pytest.raises(CommandError, match="Fix: heroku addons:create"):
        call_command("worker")


def test_the_queue_is_shown_in_the_admin(queue, admin_client):
    running("worker.1-a")
    DBTaskResult.objects.update(status=FAILED)
    url = "/admin/django_tasks_database/dbtaskresult/"
    page = admin_client.get(url, {"status__exact": FAILED})
    assert "1 Task Result" in page.content.decode()


def test_ready_tells_how_many_tasks_wait(queue, client, monkeypatch):
    monkeypatch.setattr(views, "health", health.Health())
    tasks.work.enqueue()
    assert client.get("/ready").json()["queued"] == 1


def test_ready_counts_no_tasks_while_the_database_is_away(queue, client, monkeypatch):
    def away(alias):
        raise OperationalError("connection refused")

    monkeypatch.setattr(views, "health", health.Health())
    monkeypatch.setattr(health, "ask_database", away)
    answer = client.get("/ready")
    assert answer.status_code == 503
    assert "queued" not in answer.json()


def test_pruning_deletes_what_has_expired_and_nothing_else(queue):
    now = timezone.now()
    for name, days in (("old", -1), ("new", 1)):
        expires = now + timedelta(days=days)
        Session.objects.create(session_key=name, session_data="", expire_date=expires)
    done = {"status": DONE, "args_kwargs": {}, "backend_name": "default"}
    old = DBTaskResult.objects.create(**done, finished_at=now - timedelta(days=15))
    DBTaskResult.objects.create(**done, finished_at=now - timedelta(days=13))
    DBTaskResult.objects.create(args_kwargs={})

    call_command("prune")

    assert [session.pk for session in Session.objects.all()] == ["new"]
    assert DBTaskResult.objects.count() == 2
    assert not DBTaskResult.objects.filter(pk=old.pk).exists()
