from celery import shared_task


@shared_task
def record(kind, size):
    from .models import Event

    Event.objects.create(kind=kind, size=size)
