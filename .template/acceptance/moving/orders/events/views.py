from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.csrf import csrf_exempt

from .models import Event
from .tasks import record


def index(request):
    return render(request, "events/index.html", {"events": Event.objects.all()})


@csrf_exempt
def webhook(request):
    record.delay(len(request.body))
    return HttpResponse(status=202)
