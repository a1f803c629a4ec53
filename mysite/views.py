"""The pages, the health of what they need, and what a visitor sees when it fails."""

import base64
import functools
import hashlib
import logging
import os
import re
import sys
from string import Template

from django.conf import settings
from django.core.cache import cache
from django.core.exceptions import ImproperlyConfigured
from django.db import InterfaceError, OperationalError, connection
from django.http import HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.tasks import task_backends
from django.templatetags.static import static
from django.utils.csp import CSP, build_policy
from django.views.debug import SafeExceptionReporterFilter
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from django_tasks_db import DatabaseBackend

from mysite import logs, queue
from mysite.checks import ATTACH
from mysite.checks.server import unapplied_migrations
from mysite.database import attached
from mysite.uploads import UploadRefused

logger = logging.getLogger(__name__)


@require_safe
def home(request):
    """Show the first page: replace it with your own."""
    release = os.environ.get("HEROKU_RELEASE_VERSION")
    return render(request, "home.html", {"release": release})


@require_safe
def robots(request):
    """Let robots in everywhere but in the admin."""
    return HttpResponse("User-agent: *\nDisallow: /admin/\n", content_type="text/plain")


@require_safe
def favicon(request):
    """Show the icon to browsers that ask for it where no page names it."""
    return redirect(static("favicon.svg"))


@require_safe
@never_cache
def ready(request):
    """Answer 200 if all that the site needs is there, else 503, with a word on each.

    A dependency is "ok", "failed" or, where none was asked for, "none"; `queued` is
    how many tasks wait for a worker.
    """
    states = {name: probe(name) for name in PROBES}
    failed = "failed" in states.values()
    has_queue = isinstance(task_backends["default"], DatabaseBackend)
    if not failed and attached() and has_queue:
        states["queued"] = queue.depth()
    return JsonResponse(states, status=503 if failed else 200)


def probe(name):
    """Return the state of one dependency, and log why it failed."""
    if not attached() and name in ("database", "migrations"):
        return "none"
    try:
        PROBES[name]()
    except Exception as error:
        logger.error("/ready: %s failed: %s", name, error)
        return "failed"
    return "ok"


def database():
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")


@functools.cache  # until the next deploy, once they are all applied
def migrations():
    if unapplied_migrations():
        raise RuntimeError("not all are applied: python manage.py release")


def shared_cache():
    cache.set("ready", "yes", 10)
    if cache.get("ready") != "yes":
        raise RuntimeError("it lost what was just written")


PROBES = {"database": database, "migrations": migrations, "cache": shared_cache}


class ReportFilter(SafeExceptionReporterFilter):
    """Django's, which hides passwords, but not the URL that one is part of."""

    hidden_settings = re.compile(
        SafeExceptionReporterFilter.hidden_settings.pattern + "|LOCATION|URL", re.I
    )


def page(name):
    """Return a page of one file, read once, and the policy that its own style needs."""
    text = (settings.BASE_DIR / "templates" / name).read_text()
    styles = [CSP.SELF]
    for style in re.findall("<style[^>]*>(.*?)</style>", text, re.DOTALL):
        digest = base64.b64encode(hashlib.sha256(style.encode()).digest())
        styles.append(f"'sha256-{digest.decode()}'")
    policy = (settings.SECURE_CSP or {}) | {"style-src": styles}
    return Template(text), build_policy(policy)


ERROR_PAGE, ERROR_POLICY = page("500.html")
BROKEN = "The page could not be made. It is in our log; please try again in a moment."


def server_error(request):
    """Answer 500, or 503 where it was the database, with nothing that could fail too.

    Django calls it while it handles the exception, whichever layer that came from.
    """
    error = sys.exception()
    status, title = 503, "This page cannot be shown just now"
    if isinstance(error, (OperationalError, InterfaceError)):
        reason = "Its database does not answer. Please try again soon."
    elif isinstance(error, UploadRefused):
        reason = str(error)
    elif isinstance(error, ImproperlyConfigured) and not attached():
        reason = f"It needs a database, and none is attached: {ATTACH}"
    else:
        status, title, reason = 500, "Something broke, and it was us", BROKEN
    names = {"status": status, "title": title, "reason": reason}
    body = ERROR_PAGE.safe_substitute(names, request_id=logs.request_id.get())
    response = HttpResponse(body, status=status)
    response.headers["Content-Security-Policy"] = ERROR_POLICY
    if status == 503:
        response.headers["Retry-After"] = "10"
    return response
