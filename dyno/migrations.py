"""What Django's own commands say about migrations."""

import contextlib
import io
import warnings
from typing import Any

from django.core.management import call_command

MISSING = "python manage.py makemigrations, then python manage.py migrate"


def output_of(*words: str, **options: Any) -> str:
    """Return what a command of Django's prints."""
    output = io.StringIO()
    # makemigrations warns if the database is away, which the caller finds out, and
    # exits where it would have to ask for a default.
    with warnings.catch_warnings(), contextlib.suppress(SystemExit):
        warnings.simplefilter("ignore", RuntimeWarning)
        call_command(*words, stdout=output, no_color=True, **options)
    return output.getvalue()


def unapplied(alias: str) -> list[str]:
    """Return the migrations that a database lacks, as "app.name"."""
    lines = output_of("showmigrations", "--plan", database=alias).splitlines()
    return [line[3:].strip() for line in lines if line.startswith("[ ]")]


def unmade(label: str) -> str:
    """Return what `makemigrations` would write for an app; "" if nothing changed."""
    said = output_of("makemigrations", label, dry_run=True, interactive=False)
    return "" if said.startswith("No changes") else said
