#!/usr/bin/env python
"""Django's command-line utility for administrative tasks."""

import os
import sys

# No names for a package: folders of the project, and the labels of Django's apps.
TAKEN = "bin docs dyno media static staticfiles templates tests "
TAKEN += "admin auth contenttypes messages sessions"


def main():
    """Run administrative tasks."""
    if "mysite".lower() in TAKEN.split():
        fix = "django-admin startproject again, with another name"
        sys.exit(f"A project cannot have the name mysite: it is taken. Fix: {fix}")
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mysite.settings")
    command = sys.argv[1:2]
    if command == ["test"]:
        sys.exit("The tests are pytest's. Fix: bin/test")
    # The development server means development, unless this machine has a secret key of
    # its own, which makes it a server: there DJANGO_LOCAL=1 has to be set.
    if command == ["runserver"]:
        local = os.environ.get("DJANGO_LOCAL") == "1"
        if local or "DJANGO_SECRET_KEY" not in os.environ:
            os.environ |= {"DJANGO_LOCAL": "1", "DJANGO_DEBUG": "1"}
        else:
            print(
                "DJANGO_SECRET_KEY is set, so production's settings are used. "
                "Fix: unset DJANGO_SECRET_KEY, or export DJANGO_LOCAL=1",
                file=sys.stderr,
            )
    try:
        from django.core.exceptions import ImproperlyConfigured
        from django.core.management import execute_from_command_line
    except ImportError as error:
        sys.exit(f"{error}. Fix: . .venv/bin/activate, which bin/run makes")
    try:
        execute_from_command_line(sys.argv)
    except ImproperlyConfigured as error:
        if "settings.DATABASES" not in str(error):
            sys.exit(str(error))
        sys.exit(
            "No database is configured. "
            "Fix: heroku addons:create heroku-postgresql:essential-0"
        )


if __name__ == "__main__":
    main()
