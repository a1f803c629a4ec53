"""A task that does what the test that enqueues it says."""

from django.tasks import task

to_do = []


@task
def work():
    """Call what a test has put into `to_do`."""
    for function in to_do:
        function()
