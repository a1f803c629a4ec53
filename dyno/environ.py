"""Config vars that are numbers."""

import os

from django.core.exceptions import ImproperlyConfigured


def whole_number(name: str, default: int) -> int:
    """Return the number in a config var, or the default if it is empty or not set.

    Raises ImproperlyConfigured if it is not a number, so that a build fails.
    """
    text = os.environ.get(name) or str(default)
    if not text.strip().isdecimal():
        fix = f"heroku config:set {name}={default}  (docs/errors.md#e040)"
        raise ImproperlyConfigured(f"{name} is not a whole number. Fix: {fix}")
    return int(text)
