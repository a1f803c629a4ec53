from datetime import timedelta

import pytest
from django.contrib.sessions.models import Session
from django.core.management import CommandError, call_command
from django.db import OperationalError
from django.tasks import TaskResultStatus
from django.utils import timezone
from django_tasks_db.models import DBTaskResult

from mysite import logs, queue, tasks, views

IMMEDIATE = "django.tasks.backends.immediate.ImmediateBackend"


@pytest.fixture
def queued(settings, db, monkeypatch):
    """The tasks framework as in production, with its tasks in the database.

    A worker on PostgreSQL has a thread beside, which would see no test's transaction,
    and closes its connection, which would end that.
    """
    monkeypatch.setattr(
        queue.Keeper, "start", lambda keeper: setattr(keeper, "holding", True)
    )
    monkeypatch.setattr(queue.db_worker, "close_old_connections", lambda: None)
    settings.TASKS = {"default": {"BACKEND": "django_tasks_db.DatabaseBackend"}}


def test_on_a_laptop_a_task_is_done_at_once(db):
    assert tasks.prune.enqueue().status == TaskResultStatus.SUCCESSFUL


def test_in_production_a_task_waits_in_the_database(production, settings_of):
    backend = settings_of(**production)["TASKS"]["default"]["BACKEND"]
    assert backend == "django_tasks_db.DatabaseBackend"


def test_pruning_deletes_what_has_expired_and_nothing_else(queued):
    now = timezone.now()
    for name, days in (("old", -1), ("new", 1)):
        expires = now + timedelta(days=days)
        Session.objects.create(session_key=name, session_data="", expire_date=expires)
    done = {"status": TaskResultStatus.SUCCESSFUL, "args_kwargs": {}}
    old = DBTaskResult.objects.create(**done, finished_at=now - timedelta(days=15))
    DBTaskResult.objects.create(**done, finished_at=now - timedelta(days=13))
    DBTaskResult.objects.create(args_kwargs={})

    call_command("prune")

    assert [session.pk for session in Session.objects.all()] == ["new"]
    assert DBTaskResult.objects.count() == 2
    assert not DBTaskResult.objects.filter(pk=old.pk).exists()


def test_a_worker_ends_a_batch_with_an_empty_queue(queued):
    tasks.prune.enqueue()
    assert queue.depth() == 1
    call_command("worker", batch=True)
    assert queue.depth() == 0
    assert DBTaskResult.objects.get().status == TaskResultStatus.SUCCESSFUL


def test_a_failed_task_is_logged_with_the_request_it_came_from(
    queued, monkeypatch, caplog
):
    seen = []

    def fail(*args):
        seen.append(logs.request_id.get())
        raise RuntimeError("No sessions today")

    logs.request_id.set("0b5a2c3e-the-request")
    tasks.prune.enqueue()
    logs.request_id.set("-")
    monkeypatch.setattr(tasks, "call_command", fail)
    call_command("worker", batch=True)

    assert seen == ["0b5a2c3e-the-request"]
    result = DBTaskResult.objects.get()
    assert result.status == TaskResultStatus.FAILED
    failures = [record for record in caplog.records if record.levelname == "ERROR"]
    assert "No sessions today" in str(failures[0].exc_info[1])


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("message", ["\0", "\udcff"])
def test_an_error_that_no_column_takes_ends_no_worker(queued, monkeypatch, message):
    def fail(*args):
        raise ValueError(message)

    tasks.prune.enqueue()
    monkeypatch.setattr(tasks, "call_command", fail)
    call_command("worker", batch=True)
    assert DBTaskResult.objects.get().status == TaskResultStatus.FAILED


def running(*worker_ids):
    return DBTaskResult.objects.create(
        status=TaskResultStatus.RUNNING,
        task_path="mysite.tasks.prune",
        backend_name="default",
        args_kwargs={"args": [], "kwargs": {}},
        worker_ids=list(worker_ids),
    )


def test_a_task_whose_worker_was_killed_is_run_again(queued):
    row = running("worker.1-dead")
    queue.Keeper("worker.2-alive").put_back(row)
    row.refresh_from_db()
    assert row.status == TaskResultStatus.READY
    call_command("worker", batch=True)
    row.refresh_from_db()
    assert row.status == TaskResultStatus.SUCCESSFUL
    assert len(row.worker_ids) == 2


def test_a_task_that_kills_its_workers_is_given_up_and_reported(queued, caplog):
    row = running("worker.1-a", "worker.1-b", "worker.1-c")
    queue.Keeper("worker.2-alive").put_back(row)
    row.refresh_from_db()
    assert row.status == TaskResultStatus.FAILED
    assert row.exception_class_path == "mysite.queue.WorkerLost"
    assert "run 3 of 3" in row.traceback
    assert "given up" in caplog.text


def test_a_task_that_ended_meanwhile_is_left_alone(queued):
    row = running("worker.1-slow")
    DBTaskResult.objects.update(status=TaskResultStatus.SUCCESSFUL)
    queue.Keeper("worker.2-alive").put_back(row)
    row.refresh_from_db()
    assert row.status == TaskResultStatus.SUCCESSFUL


def test_signals_end_the_worker_only_between_tasks(queued, monkeypatch):
    worker = queue.Worker(batch=False)

    def signalled_twice(*args):
        worker.shutdown(15, None)
        worker.shutdown(15, None)

    monkeypatch.setattr(tasks, "call_command", signalled_twice)
    tasks.prune.enqueue()
    tasks.prune.enqueue()
    worker.run()
    statuses = sorted(DBTaskResult.objects.values_list("status", flat=True))
    assert statuses == [TaskResultStatus.READY, TaskResultStatus.SUCCESSFUL]


def test_a_worker_says_that_it_has_no_work_on_a_laptop():
    with pytest.raises(CommandError, match="done at once"):
        call_command("worker")


@pytest.mark.parametrize("status", [TaskResultStatus.READY, TaskResultStatus.FAILED])
def test_the_queue_is_shown_in_the_admin(queued, admin_client, status):
    running("worker.1-a")
    DBTaskResult.objects.update(status=status)
    url = "/admin/django_tasks_database/dbtaskresult/"
    page = admin_client.get(url, {"status__exact": status})
    assert "1 Task Result" in page.content.decode()


def test_ready_tells_how_many_tasks_wait(queued, client):
    tasks.prune.enqueue()
    assert client.get("/ready").json()["queued"] == 1


def test_ready_counts_no_tasks_while_the_database_is_away(queued, client, monkeypatch):
    def fail():
        raise OperationalError("connection refused")

    monkeypatch.setitem(views.PROBES, "database", fail)
    monkeypatch.setattr(queue, "depth", fail)
    response = client.get("/ready")
    assert response.status_code == 503
    assert response.json()["database"] == "failed"
