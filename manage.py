#!/usr/bin/env python
"""Django's command-line utility for administrative tasks."""

import os
import sys

# No names for a package: folders of the project, and the labels of Django's apps.
TAKEN = "bin docs dyno media static staticfiles templates tests "
TAKEN += "admin auth contenttypes messages sessions"


def report_unmade_migrations():
    """Say whether a model was changed without a migration."""
    import django
    from django.core.management import call_command

    try:
        django.setup()
        call_command("makemigrations", "--check", "--dry-run", "--noinput", verbosity=0)
    except SystemExit:
        cause = "A model was changed without a migration."
        print(f"{cause} Fix: python manage.py makemigrations")
    except Exception:  # runserver reports it itself
        return


def main():
    """Run administrative tasks."""
    if "mysite".lower() in TAKEN.split():
        cause = "A project cannot have the name mysite: it is taken."
        sys.exit(f"{cause} Fix: django-admin startproject again, with another name")
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mysite.settings")
    command = sys.argv[1:2]
    if command == ["test"]:
        sys.exit("The tests run with pytest. Fix: bin/test")
    # runserver implies development, except on a machine that has a secret key, for that
    # may be a server: set DJANGO_LOCAL=1 there.
    if command == ["runserver"]:
        local = os.environ.get("DJANGO_LOCAL") == "1"
        if local or "DJANGO_SECRET_KEY" not in os.environ:
            os.environ |= {"DJANGO_LOCAL": "1", "DJANGO_DEBUG": "1"}
        else:
            print(
                "DJANGO_SECRET_KEY is set, so the production settings are used. "
                "Fix: unset DJANGO_SECRET_KEY, or export DJANGO_LOCAL=1",
                file=sys.stderr,
            )
    try:
        import dj_database_url  # noqa: F401  (what settings.py imports first)
        from django.core.exceptions import ImproperlyConfigured
        from django.core.management import execute_from_command_line
        from django.utils.autoreload import DJANGO_AUTORELOAD_ENV
    except ImportError as error:
        sys.exit(
            f"{error}. Fix: . .venv/bin/activate, or if that changes nothing: "
            "rm -r .venv, then bin/run, which makes it again"
        )
    # The development server's own process, not the one that restarts it.
    if command == ["runserver"] and DJANGO_AUTORELOAD_ENV in os.environ:
        report_unmade_migrations()
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
