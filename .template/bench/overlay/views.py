"""The pages that every contender is measured by."""

import os
import time

from bench_overlay.models import Row
from django.db import connection
from django.http import HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.views.decorators.csrf import csrf_exempt


def home(request):
    """Show this project's home page, as its own view does."""
    release = os.environ.get("HEROKU_RELEASE_VERSION")
    return render(request, "home.html", {"release": release})


def query(request):
    """Show what one query finds."""
    return render(request, "bench/query.html", {"row": Row.objects.get(pk=1)})


def quick(request):
    """Need neither the database nor time."""
    return HttpResponse("quick")


def wait(request):
    """Wait for another service."""
    time.sleep(float(request.GET["seconds"]))
    return HttpResponse("waited")


def held(request):
    """Make a query, then wait for another service, and keep the connection."""
    Row.objects.get(pk=1)
    return wait(request)


def slow_query(request):
    """Make a query that takes long."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_sleep(%s)", [float(request.GET["seconds"])])
    return HttpResponse("asked")


def stream(request):
    """Make a query, then send a piece every half second."""
    word = Row.objects.get(pk=1).word

    def pieces():
        for _ in range(int(float(request.GET["seconds"]) * 2)):
            time.sleep(0.5)
            yield word

    return StreamingHttpResponse(pieces())


def download(request):
    """Send ten megabytes."""
    return HttpResponse(bytes(10_000_000), content_type="application/octet-stream")


@csrf_exempt
def upload(request):
    """Read a body."""
    size = 0
    while piece := request.read(1 << 16):
        size += len(piece)
    return HttpResponse(size)
