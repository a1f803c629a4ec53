#!/usr/bin/env python
"""Django's command-line utility for administrative tasks."""

import os
import sys


def main():
    """Run administrative tasks."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mysite.settings")
    command = sys.argv[1:2]
    if command == ["test"]:
        sys.exit("The tests are pytest's: run bin/test.")
    # The development server opens what a laptop needs. A machine with a secret key of
    # its own is no laptop unless it says so: there it opens nothing.
    if command == ["runserver"]:
        local = os.environ.get("DJANGO_LOCAL") == "1"
        if local or "DJANGO_SECRET_KEY" not in os.environ:
            os.environ |= {"DJANGO_LOCAL": "1", "DJANGO_DEBUG": "1"}
        else:
            print(
                "DJANGO_SECRET_KEY is set, so this is taken for a server and not "
                "opened to a laptop: unset DJANGO_SECRET_KEY",
                file=sys.stderr,
            )
    try:
        from django.core.exceptions import ImproperlyConfigured
        from django.core.management import execute_from_command_line
    except ImportError as error:
        sys.exit(f"{error}. First `. .venv/bin/activate`, which bin/run makes.")
    try:
        execute_from_command_line(sys.argv)
    except ImproperlyConfigured as error:
        if "settings.DATABASES" not in str(error):
            raise
        from mysite.checks import ATTACH, refuse_to_boot

        refuse_to_boot()
        sys.exit(f"There is no database for this. Mend it: {ATTACH}")


if __name__ == "__main__":
    main()
