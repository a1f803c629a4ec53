"""The pages of the site."""

import os

from django.contrib.auth.decorators import login_not_required
from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import conditional_page, require_safe


# @login_not_required matters only if you add Django's LoginRequiredMiddleware.
@login_not_required
@require_safe
def home(request):
    """Show the home page: replace it with your own."""
    release = os.environ.get("HEROKU_RELEASE_VERSION")
    return render(request, "home.html", {"release": release})


@login_not_required
@require_safe
@conditional_page  # a client that has this page gets a 304
def robots(request):
    """Allow search engines everywhere but in the admin."""
    return HttpResponse("User-agent: *\nDisallow: /admin/\n", content_type="text/plain")
