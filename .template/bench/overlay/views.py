"""The pages that every contender is measured by."""

import os

from bench_overlay.models import Row
from django.http import HttpResponse
from django.shortcuts import render


def home(request):
    """Show this project's home page, as its own view does."""
    release = os.environ.get("HEROKU_RELEASE_VERSION")
    return render(request, "home.html", {"release": release})


def query(request):
    """Show what one query finds."""
    return render(request, "bench/query.html", {"row": Row.objects.get(pk=1)})


def user(request):
    """Greet the user who is logged in."""
    return render(request, "bench/user.html")


def nothing(request):
    """Stand where the home page links to."""
    return HttpResponse()
