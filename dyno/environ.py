"""Config vars: those that are numbers, and how one is set."""

import os

from django.core.exceptions import ImproperlyConfigured


def whole_number(name: str, default: int) -> int:
    """Return the number in a config var, or the default if it is empty or not set.

    Raises ImproperlyConfigured if it is not a number, so that a build fails.
    """
    text = os.environ.get(name) or str(default)
    if not text.strip().isdecimal():
        fix = f"{config_set(f'{name}={default}')}  (docs/errors.md#e040)"
        raise ImproperlyConfigured(f"{name} is not a whole number. Fix: {fix}")
    return int(text)


def config_set(assignment: str) -> str:
    """Return the command for NAME=VALUE on Heroku, and elsewhere only what to set."""
    if "DYNO" in os.environ:
        return f"heroku config:set {assignment}"
    return assignment
