"""/up, /ready, the favicon, and the page of an error."""

import logging
import sys

from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import ImproperlyConfigured, PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.template.loader import get_template
from django.templatetags.static import static
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from dyno import database, logs, noise, outages, pools
from dyno.health import health
from dyno.uploads import UploadRefused
from dyno.wsgi import UP, UP_HEADERS

logger = logging.getLogger(__name__)
exhaustion = logger.getChild("pool")
exhaustion.addFilter(noise.OnceAMinute())


@login_not_required
@require_safe
def favicon(request: HttpRequest) -> HttpResponse:
    """Show the icon to browsers that ask for it although no page names it."""
    try:
        return redirect(static("favicon.svg"))
    except ValueError:  # the owner has another
        raise Http404 from None


@login_not_required
@require_safe
def up(request: HttpRequest) -> HttpResponse:
    """Answer 200 if the process runs, under ASGI; under WSGI, dyno.wsgi does it."""
    return HttpResponse(UP, headers=UP_HEADERS)


@login_not_required
@require_safe
@never_cache
def ready(request: HttpRequest) -> HttpResponse:
    """Answer 200 if everything that the site needs is there, else 503, as JSON.

    Each dependency is "ok", "failed" or, if none is attached, "none"; `queued` is the
    number of tasks that wait, `workers` that of the workers that run.
    """
    states = health.states()
    status = 200
    if "failed" in states.values():
        status = 503
    return JsonResponse(states, status=status)


POOL_EXHAUSTED = (
    "No database connection became free: slow queries, or views that wait, hold all of "
    "this process's, %d at most (DATABASE_POOL_SIZE) or as many as the plan allows. "
    "Fix: heroku pg:ps shows the queries  (docs/errors.md#pool)"
)
MIGRATION_MISSING = (
    "A table or column is missing. Fix: python manage.py makemigrations, then "
    "python manage.py release  (docs/errors.md#no-such-table-or-column)"
)
BARE_PAGE = "<!doctype html><title>{0}</title><h1>{0}</h1><p>Code: {1}</p>"


def client_error(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer 404, 403 or 400 with the page of that name in templates/.

    Django's own handlers read the form once more, so that one which cannot be read
    would be a 500.
    """
    if isinstance(exception, Http404):
        status = 404
    elif isinstance(exception, PermissionDenied):
        status = 403
    else:
        status = 400
    return render(request, f"{status}.html", status=status)


def server_error(request: HttpRequest) -> HttpResponse:
    """Answer 500, or 503 if it was the database or there is nowhere to store an upload.

    The pages are templates/500.html and 503.html, with `request_id` as their context.
    Django calls this while it handles the exception.
    """
    error = sys.exception()
    status = 503
    if isinstance(error, UploadRefused):
        logger.error("An upload was refused. %s", error)
    elif isinstance(error, ImproperlyConfigured) and not database.attached():
        logger.error("No database is attached. Fix: %s", database.ATTACH)
    elif pools.is_pool_exhausted(error):
        exhaustion.error(POOL_EXHAUSTED, pools.pool_size())
    elif outages.lacks_migration(error):
        status = 500
        logger.error(MIGRATION_MISSING)
    elif not outages.is_unavailable(error):
        status = 500
    headers = {"Cache-Control": "no-store"}
    if status == 503:
        headers["Retry-After"] = "10"
    request_id = logs.request_id.get()
    try:
        body = get_template(f"{status}.html").render({"request_id": request_id})
    except Exception:
        body = BARE_PAGE.format("Please try again in a moment", request_id)
    return HttpResponse(body, status=status, headers=headers)
