from celery import shared_task

from .models import Event


@shared_task
def record(kind, size):
    Event.objects.create(kind=kind, size=size)
