from celery import shared_task

from .models import Event


@shared_task
def record(size):
    Event.objects.create(size=size)
