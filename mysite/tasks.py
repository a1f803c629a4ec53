"""Work outside the request: `prune.enqueue()` has a worker do it.

A task may be run again from its start if its worker is killed, so write it such that a
second run does no harm. https://docs.djangoproject.com/en/6.1/topics/tasks/
"""

from datetime import timedelta

from django.core.management import call_command
from django.tasks import task
from django.utils import timezone
from django_tasks_db.models import DBTaskResult

KEPT_DAYS = 14


@task
def prune():
    """Delete expired sessions and what tasks left behind KEPT_DAYS ago.

    Returns the number of task results deleted.
    """
    call_command("clearsessions")
    old = timezone.now() - timedelta(days=KEPT_DAYS)
    return DBTaskResult.objects.finished().filter(finished_at__lt=old).delete()[0]
