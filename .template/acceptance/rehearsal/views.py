"""Pages that need the parts of a grown site, one each."""

import os
import time

from django.contrib.auth.models import Group
from django.core.cache import cache
from django.db import connection
from django.http import HttpResponse, JsonResponse, StreamingHttpResponse
from django.views.decorators.csrf import csrf_exempt

from rehearsal import tasks

DYNO = os.environ.get("DYNO")
KEPT = []


def data(request):
    """Ask the database."""
    return HttpResponse(Group.objects.filter(name__startswith="none").count())


@csrf_exempt
def write(request):
    """Acknowledge a row."""
    Group.objects.create(name=request.GET["name"])
    return HttpResponse(status=201)


def visit(request):
    """Count the visits of a session."""
    request.session["visits"] = request.session.get("visits", 0) + 1
    return JsonResponse({"visits": request.session["visits"], "dyno": DYNO})


def cached(request):
    """Tell who was asked first."""
    first = cache.get_or_set(request.GET["key"], DYNO, 60)
    return JsonResponse({"first": first, "dyno": DYNO})


@csrf_exempt
def enqueue(request):
    """Acknowledge a task."""
    name, seconds = request.GET["name"], float(request.GET.get("seconds", 0))
    if name.startswith("fail"):
        result = tasks.fail.enqueue(name)
    else:
        result = tasks.record.enqueue(name, seconds)
    return HttpResponse(result.id, status=201)


def hang(request):
    """Do nothing for a while."""
    time.sleep(float(request.GET["seconds"]))
    return HttpResponse(DYNO)


def query(request):
    """Keep the database busy for a while."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_sleep(%s)", [float(request.GET["seconds"])])
    return HttpResponse(DYNO)


def stream(request):
    """Ask the database, then send a piece every half second."""
    Group.objects.count()
    pieces = int(request.GET["seconds"]) * 2

    def text():
        for number in range(pieces):
            time.sleep(0.5)
            yield f"{number} "

    return StreamingHttpResponse(text())


def rows(request):
    """Stream rows that are asked for while they are sent."""
    Group.objects.count()
    groups = Group.objects.iterator(chunk_size=10)
    return StreamingHttpResponse(f"{group} " for group in groups)


def service(request):
    """Ask the database, then wait for a service as docs/growing.md advises."""
    Group.objects.count()
    connection.close()
    time.sleep(float(request.GET["seconds"]))
    return HttpResponse(Group.objects.filter(name__startswith="none").count())


def leak(request):
    """Keep a megabyte for good."""
    KEPT.append(b"x" * 1_000_000)
    return HttpResponse(os.getpid())


@csrf_exempt
def upload(request):
    """Read an upload, which Django puts into a file on the disk if it is large."""
    return HttpResponse(sum(len(chunk) for chunk in request.FILES["file"].chunks()))
