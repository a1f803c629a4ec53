#!/usr/bin/env python
"""Django's command-line utility for administrative tasks."""

import os
import sys
from importlib.util import find_spec


def main():
    """Run administrative tasks."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mysite.settings")
    package = os.environ["DJANGO_SETTINGS_MODULE"].partition(".")[0]
    if find_spec(package) is None:
        cause = "DJANGO_SETTINGS_MODULE is set, and names no module of this project."
        sys.exit(f"{cause} Fix: unset DJANGO_SETTINGS_MODULE, or config:unset it")
    taken = "admin auth bin contenttypes docs dyno media messages sessions static "
    taken += "staticfiles templates tests"
    if "mysite".lower() in taken.split():
        cause = "A project cannot have the name mysite: it is taken."
        sys.exit(f"{cause} Fix: django-admin startproject again, with another name")
    if sys.argv[1:2] == ["test"]:
        sys.exit(" ".join(["The tests run with pytest. Fix: bin/test", *sys.argv[2:]]))
    # runserver implies development, except where there is a key: that may be a server.
    if sys.argv[1:2] == ["runserver"]:
        if os.getenv("DJANGO_LOCAL") == "1" or "DJANGO_SECRET_KEY" not in os.environ:
            os.environ |= {"DJANGO_LOCAL": "1", "DJANGO_DEBUG": "1"}
        else:
            cause = "DJANGO_SECRET_KEY is set, so the production settings are used."
            print(f"{cause} Fix: unset DJANGO_SECRET_KEY", file=sys.stderr)
    try:
        import dj_database_url  # noqa: F401  (what settings.py imports first)
        from django.core.exceptions import ImproperlyConfigured
        from django.core.management import execute_from_command_line
    except ImportError as error:
        sys.exit(f"{error}. Fix: . .venv/bin/activate, or rm -r .venv and bin/run")
    try:
        execute_from_command_line(sys.argv)
    except ImproperlyConfigured as error:
        if "settings.DATABASES" in str(error):
            error = "There is no database. Fix: heroku addons:create heroku-postgresql"
        sys.exit(str(error))


if __name__ == "__main__":
    main()
