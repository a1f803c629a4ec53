"""Tests run in development's environment: plain HTTP, static files not collected."""

import os

import django.conf


def pytest_configure():
    os.environ["DJANGO_SETTINGS_MODULE"] = "mysite.settings"
    os.environ["DJANGO_LOCAL"] = "1"
    for name in ("DJANGO_DEBUG", "REDIS_URL"):
        os.environ.pop(name, None)
    # Django's plain storage, so that no test needs `collectstatic`.
    plain = "django.contrib.staticfiles.storage.StaticFilesStorage"
    django.conf.settings.STORAGES["staticfiles"] = {"BACKEND": plain}
    django.setup()
