#!/usr/bin/env python
"""Django's command-line utility for administrative tasks."""

import os
import sys


def main():
    """Run administrative tasks."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mysite.settings")
    # The development server opens what a laptop needs. A machine with a secret key of
    # its own is no laptop, so there it opens nothing.
    if "runserver" in sys.argv[1:2] and "DJANGO_SECRET_KEY" not in os.environ:
        os.environ |= {"DJANGO_LOCAL": "1", "DJANGO_DEBUG": "1"}
    try:
        from django.core.management import execute_from_command_line
    except ImportError as exc:
        raise ImportError(
            "Django is not installed here. `bin/run` makes .venv and installs it; "
            "then call .venv/bin/python manage.py, or activate .venv."
        ) from exc
    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
