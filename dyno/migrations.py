"""What Django's own commands say about migrations."""

import contextlib
import io
import warnings

from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command
from django.db import Error

MISSING = "python manage.py makemigrations, then python manage.py migrate"


def unapplied(alias: str) -> list[str]:
    """Return the migrations that a database lacks, as "app.name"."""
    said = io.StringIO()
    call_command("showmigrations", "--plan", database=alias, stdout=said, no_color=True)
    lines = said.getvalue().splitlines()
    return [line[3:].strip() for line in lines if line.startswith("[ ]")]


def unmade(label: str) -> str:
    """Return what `makemigrations` would write for an app; "" if nothing changed."""
    said = io.StringIO()
    options = {"dry_run": True, "interactive": False, "no_color": True}
    # It warns if the database is away, or raises if its URL is wrong, which others find
    # out, and exits where it would have to ask for a default.
    mute = contextlib.suppress(SystemExit, Error, ImproperlyConfigured)
    with warnings.catch_warnings(), mute:
        warnings.simplefilter("ignore", RuntimeWarning)
        call_command("makemigrations", label, stdout=said, **options)
    text = said.getvalue()
    return "" if text.startswith("No changes") else text
