"""The pages that every contender is measured by, and their URLs."""

import time

from django.contrib.sites.models import Site
from django.db import connection
from django.http import HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.urls import path
from django.views.decorators.csrf import csrf_exempt
from django.views.generic import TemplateView


def query(request):
    """Show what one query finds: the row that a migration makes."""
    return render(request, "bench/query.html", {"site": Site.objects.get(pk=1)})


def quick(request):
    """Need neither the database nor time."""
    return HttpResponse("quick")


def wait(request, seconds):
    """Wait for another service."""
    time.sleep(seconds)
    return HttpResponse("waited")


def held(request, seconds):
    """Make a query, then wait for another service, and keep the connection."""
    Site.objects.get(pk=1)
    return wait(request, seconds)


def slow_query(request, seconds):
    """Make a query that takes long."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_sleep(%s)", [seconds])
    return HttpResponse("asked")


def stream(request, seconds):
    """Make a query, then send a piece every half second."""
    name = Site.objects.get(pk=1).name

    def pieces():
        for _ in range(seconds * 2):
            time.sleep(0.5)
            yield name

    return StreamingHttpResponse(pieces())


def download(request):
    """Send ten megabytes."""
    return HttpResponse(bytes(10_000_000), content_type="application/octet-stream")


@csrf_exempt
def upload(request):
    """Read a body."""
    while request.read(1 << 16):
        pass
    return HttpResponse("read")


urlpatterns = [
    path("bench/home", TemplateView.as_view(template_name="home.html")),
    path("bench/query", query),
    path("bench/quick", quick),
    path("bench/wait/<int:seconds>", wait),
    path("bench/held/<int:seconds>", held),
    path("bench/slow-query/<int:seconds>", slow_query),
    path("bench/stream/<int:seconds>", stream),
    path("bench/download", download),
    path("bench/upload", upload),
    # A contender may lack these.
    path("up", quick),
    path("ready", query),
]
