"""The health of what the site needs, the favicon, and the page of an error."""

import logging
import re
import sys
import threading
import time
from typing import Any

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.core.cache import cache
from django.core.exceptions import ImproperlyConfigured, PermissionDenied
from django.db import connections
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.template.loader import get_template
from django.templatetags.static import static
from django.views.debug import SafeExceptionReporterFilter
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from dyno import database, logs, pools
from dyno.uploads import UploadRefused

logger = logging.getLogger(__name__)
outages = logger.getChild("ready")
outages.addFilter(logs.OnceAMinute())
exhaustion = logger.getChild("pool")
exhaustion.addFilter(logs.OnceAMinute())

# How long an answer of /ready is remembered, in seconds, so that nobody keeps the
# database busy with it.
SUCCESS_SECONDS = 1
FAILURE_SECONDS = 5

# How long a request waits for the first answer while another one asks, in seconds.
FIRST_ANSWER_SECONDS = 1


@login_not_required
@require_safe
def favicon(request: HttpRequest) -> HttpResponse:
    """Show the icon to browsers that ask for it although no page names it."""
    return redirect(static("favicon.svg"))


@login_not_required
@require_safe
@never_cache
def ready(request: HttpRequest) -> HttpResponse:
    """Answer 200 if everything that the site needs is there, else 503, as JSON.

    Each dependency is "ok", "failed" or, if none is attached, "none"; `queued` is the
    number of tasks that wait for a worker.
    """
    states = health.states()
    return JsonResponse(states, status=503 if "failed" in states.values() else 200)


class Health:
    """Checks what the site needs, in one thread at a time, and remembers the answer."""

    def __init__(self) -> None:
        self.asking = threading.Lock()
        self.last: dict[str, Any] = {"answer": "failed"}  # not there yet
        self.until = 0.0  # on time.monotonic()'s clock
        self.asked = time.monotonic()  # when the thread that asks began
        self.migrated: set[str] = set()  # aliases, until the next deploy

    def states(self) -> dict[str, Any]:
        """Return the state of each dependency by its name.

        While one thread asks, the others return the last answer without waiting; once
        that thread takes FAILURE_SECONDS, they add that the answer failed.
        """
        if not self.is_old():
            return self.last
        # Only at the start there is no answer yet, and it soon comes.
        patience = 0 if self.until else FIRST_ANSWER_SECONDS
        if not self.asking.acquire(timeout=patience):
            if time.monotonic() - self.asked > FAILURE_SECONDS:
                return self.last | {"answer": "failed"}
            return self.last
        try:
            if self.is_old():
                self.asked = time.monotonic()
                self.last = self.ask()
                has_failed = "failed" in self.last.values()
                seconds = FAILURE_SECONDS if has_failed else SUCCESS_SECONDS
                self.until = time.monotonic() + seconds
        finally:
            self.asking.release()
        return self.last

    def is_old(self) -> bool:
        """Return whether the last answer is to be given no longer."""
        return time.monotonic() >= self.until

    def ask(self) -> dict[str, Any]:
        """Ask each dependency, but nothing that depends on one that has failed."""
        states = {
            "database" if alias == "default" else alias: state(ask_database, alias)
            for alias in database.aliases() or ["default"]
        }
        lost = {"failed", "none"} & set(states.values())
        states["migrations"] = lost.pop() if lost else state(self.ask_migrations)
        kept_there = settings.CACHES["default"]["BACKEND"].endswith("DatabaseCache")
        no_database = kept_there and states["database"] != "ok"
        states["cache"] = "failed" if no_database else state(ask_cache)
        if getattr(settings, "SECRET_KEY_IS_RANDOM", False):
            states["secret key"] = "none"
        has_queue = settings.TASKS["default"]["BACKEND"].startswith("django_tasks_db.")
        if has_queue and states["migrations"] == "ok":
            from django_tasks_db.models import DBTaskResult

            states["queued"] = DBTaskResult.objects.ready().count()
        return states

    def ask_migrations(self) -> str:
        """Return "ok" if every database has all migrations, else "failed"."""
        for alias in set(database.aliases()) - self.migrated:
            if database.unapplied(alias):
                cause = f"the database {alias} lacks some"
                raise RuntimeError(f"{cause}. Fix: python manage.py release")
            self.migrated.add(alias)
        return "ok"


def state(ask: Any, *arguments: str) -> str:
    """Return the answer of a function, or log why it is "failed"."""
    try:
        return ask(*arguments)
    except Exception as error:
        outages.error("/ready: %s failed: %s", ask.__name__, error)
        return "failed"


def ask_database(alias: str) -> str:
    """Return "ok" if a database answers, and "none" if there is none."""
    if not database.attached(alias):
        return "none"
    with connections[alias].cursor() as cursor:
        cursor.execute("SELECT 1")
    return "ok"


def ask_cache() -> str:
    """Return "ok" if the cache keeps what it is given, else "failed"."""
    cache.set("ready", "yes", 10)
    return "ok" if cache.get("ready") == "yes" else "failed"


health = Health()


class ReportFilter(SafeExceptionReporterFilter):
    """Django's filter for error reports, which also hides URLs that hold passwords."""

    hidden_settings = re.compile(
        SafeExceptionReporterFilter.hidden_settings.pattern + "|LOCATION|URL", re.I
    )


POOL_EXHAUSTED = (
    "No database connection became free: slow queries, or views that wait, hold all of "
    "this process's, %d at most (DATABASE_POOL_SIZE) or as many as the plan allows. "
    "Fix: heroku pg:ps shows the queries  (docs/errors.md#pool)"
)
MIGRATION_MISSING = (
    "A table or column is missing. "
    "Fix: python manage.py makemigrations, then python manage.py migrate"
)
BARE_PAGE = "<!doctype html><title>{0}</title><h1>{0}</h1><p>Code: {1}</p>"


def client_error(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer 404, 403 or 400 with the page of that name in templates/.

    Django's own handlers read the form once more, so that one which cannot be read
    would be a 500.
    """
    status = 404 if isinstance(exception, Http404) else 400
    status = 403 if isinstance(exception, PermissionDenied) else status
    return render(request, f"{status}.html", status=status)


def server_error(request: HttpRequest) -> HttpResponse:
    """Answer 500, or 503 if it was the database or there is nowhere to store an upload.

    The pages are templates/500.html and 503.html, with `request_id` as their context.
    Django calls this while it handles the exception.
    """
    error = sys.exception()
    headers = {"Cache-Control": "no-store", "Retry-After": "10"}
    status, request_id = 503, logs.request_id.get()
    if isinstance(error, UploadRefused):
        logger.error("An upload was refused. %s", error)
    elif isinstance(error, ImproperlyConfigured) and not database.attached():
        logger.error("No database is attached. Fix: %s", database.ATTACH)
    elif pools.is_pool_exhausted(error):
        exhaustion.error(POOL_EXHAUSTED, pools.pool_size())
    elif not database.is_unavailable(error):
        status = 500
        del headers["Retry-After"]
        if database.lacks_migration(error):
            logger.error(MIGRATION_MISSING)
    try:
        body = get_template(f"{status}.html").render({"request_id": request_id})
    except Exception:
        body = BARE_PAGE.format("Please try again in a moment", request_id)
    return HttpResponse(body, status=status, headers=headers)
