import time
import uuid

from django.contrib.auth.models import Group
from django.tasks import task


@task
def record(name, seconds=0):
    """Leave one row for each time that the task begins, and one for each end."""
    Group.objects.create(name=f"{name} begin {uuid.uuid4()}")
    time.sleep(seconds)
    Group.objects.create(name=f"{name} end {uuid.uuid4()}")


@task
def fail(name):
    raise RuntimeError(f"{name} was to fail")
