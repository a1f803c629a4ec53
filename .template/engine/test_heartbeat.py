"""A worker recovers the tasks of others that were killed, and is missed."""

from datetime import timedelta

import pytest
import tasks
from django.tasks import TaskResultStatus
from django.utils import timezone
from django_tasks_db.models import DBTaskResult
from tasks import PENDING, running, statuses

from dyno import heartbeat as module
from dyno.heartbeat import Heartbeat


@pytest.fixture
def heartbeat(on_postgresql, monkeypatch):
    """A living worker's heartbeat, which waits for nobody."""
    monkeypatch.setattr(module, "GRACE", -1)
    heartbeat = Heartbeat("worker.1-alive")
    heartbeat.beat()
    return heartbeat


def test_a_task_of_a_dead_worker_is_queued_again_by_a_living_one(heartbeat):
    running("worker.2-dead")
    heartbeat.beat()
    assert statuses() == [PENDING]


def test_a_task_of_a_living_worker_is_left_alone(heartbeat):
    row = running("worker.1-alive")
    heartbeat.running_task = row.pk
    heartbeat.beat()
    assert statuses() == [TaskResultStatus.RUNNING]


def test_a_task_that_a_worker_claimed_and_does_not_run_is_queued_again(heartbeat):
    running("worker.1-alive")
    heartbeat.beat()
    assert statuses() == [PENDING]


def test_a_dead_worker_is_given_time_to_come_back(heartbeat, monkeypatch):
    monkeypatch.setattr(module, "GRACE", 3600)
    running("worker.2-restarting")
    heartbeat.beat()
    heartbeat.beat()
    assert statuses() == [TaskResultStatus.RUNNING]
    assert heartbeat.orphans


def test_a_workers_sign_of_life_ends_with_its_connection(heartbeat, on_postgresql):
    assert module.living_workers("default") == {"worker.1-alive"}
    on_postgresql.close()
    assert module.living_workers("default") == set()


@pytest.fixture
def old_task(queue, on_postgresql, monkeypatch):
    """A task that has waited for two hours."""
    monkeypatch.setattr(module.idle.filters[0], "quiet_until", 0)
    tasks.work.enqueue()
    two_hours_ago = timezone.now() - timedelta(hours=2)
    DBTaskResult.objects.update(enqueued_at=two_hours_ago)


def test_tasks_that_wait_without_a_worker_are_told_once_a_minute(old_task, caplog):
    for _ in range(2):
        assert module.queue_and_workers() == {"queued": 1, "workers": 0}
    [said] = [text for text in caplog.messages if "No worker runs" in text]
    assert "Fix: heroku ps:scale worker=1 " in said


def test_tasks_that_wait_for_their_turn_are_not_told(old_task, caplog):
    Heartbeat("worker.1-alive").beat()
    assert module.queue_and_workers() == {"queued": 1, "workers": 1}
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
    assert module.queue_and_workers() == {"queued": queued, "workers": 0}
    assert not caplog.messages
