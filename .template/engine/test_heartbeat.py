"""A worker recovers the tasks of others that were killed."""

import pytest
from django.tasks import TaskResultStatus
from test_worker import PENDING, running, statuses

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
