"""Tests run as on a laptop: plain HTTP, static files as they lie in their folders."""

import os

import django


def pytest_configure():
    os.environ["DJANGO_SETTINGS_MODULE"] = "mysite.settings"
    os.environ["DJANGO_LOCAL"] = "1"
    os.environ.pop("DJANGO_DEBUG", None)
    django.setup()
    # A manifest that `bin/run` left behind may be older than the templates.
    settings = django.conf.settings
    settings.STATIC_ROOT = settings.BASE_DIR / "no-such-folder"
