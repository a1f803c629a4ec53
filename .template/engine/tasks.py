"""A task that does what the test that enqueues it says, and the rows of tasks."""

from django.tasks import TaskResultStatus, task
from django_tasks_db.models import DBTaskResult

PENDING, DONE = TaskResultStatus.READY, TaskResultStatus.SUCCESSFUL
FAILED = TaskResultStatus.FAILED

to_do = []


@task
def work():
    """Call what a test has put into `to_do`."""
    for function in to_do:
        function()


def statuses():
    return sorted(DBTaskResult.objects.values_list("status", flat=True))


def running(*worker_ids):
    return DBTaskResult.objects.create(
        status=TaskResultStatus.RUNNING,
        task_path="tasks.work",
        backend_name="default",
        args_kwargs={"args": [], "kwargs": {}},
        worker_ids=list(worker_ids),
    )
