"""Tests run in development's environment: plain HTTP, static files not collected."""

import os

import django.conf


def pytest_configure():
    os.environ["DJANGO_SETTINGS_MODULE"] = "mysite.settings"
    os.environ["DJANGO_LOCAL"] = "1"
    for name in ("DJANGO_DEBUG", "REDIS_URL"):
        os.environ.pop(name, None)
    settings = django.conf.settings
    # The same names with and without the files that bin/run has collected.
    plain = "django.contrib.staticfiles.storage.StaticFilesStorage"
    settings.STORAGES["staticfiles"] = {"BACKEND": plain}
    # The first one hashes new passwords: a fast one, since a test may make many users.
    fast = "django.contrib.auth.hashers.MD5PasswordHasher"
    settings.PASSWORD_HASHERS = [fast, *settings.PASSWORD_HASHERS]
    django.setup()
