"""A contender's own settings, with the benchmark's pages and one change at most."""

import copy
import importlib
import os
from pathlib import Path

contender = importlib.import_module(os.environ["BENCH_SETTINGS"])
globals().update({k: v for k, v in vars(contender).items() if k.isupper()})

INSTALLED_APPS = [*contender.INSTALLED_APPS, "bench_overlay"]
BENCH_URLS, ROOT_URLCONF = contender.ROOT_URLCONF, "bench_overlay.urls"

if BENCH_HOME := os.environ.get("BENCH_HOME"):
    # Another project is given this one's home page: its templates and static files.
    pages = Path(BENCH_HOME)
    TEMPLATES = copy.deepcopy(contender.TEMPLATES)
    TEMPLATES[0]["DIRS"].insert(0, pages / "templates")
    TEMPLATES[0]["OPTIONS"]["builtins"] = ["django.templatetags.static"]
    STATICFILES_DIRS = [pages / "static"]

match os.environ.get("BENCH_VARIANT"):
    case "Django's defaults":
        # startproject's middleware, and a connection for each request.
        DATABASES = copy.deepcopy(contender.DATABASES)
        DATABASES["default"] |= {"CONN_MAX_AGE": 0, "CONN_HEALTH_CHECKS": False}
        SESSION_ENGINE = "django.contrib.sessions.backends.db"
        MIDDLEWARE = [
            "django.middleware.security.SecurityMiddleware",
            "django.contrib.sessions.middleware.SessionMiddleware",
            "django.middleware.common.CommonMiddleware",
            "django.middleware.csrf.CsrfViewMiddleware",
            "django.contrib.auth.middleware.AuthenticationMiddleware",
            "django.contrib.messages.middleware.MessageMiddleware",
            "django.middleware.clickjacking.XFrameOptionsMiddleware",
        ]
        AUTHENTICATION_BACKENDS = ["django.contrib.auth.backends.ModelBackend"]
    case "static files in Django's middleware":
        place = MIDDLEWARE.index("django.middleware.security.SecurityMiddleware") + 1
        MIDDLEWARE = [*MIDDLEWARE]
        MIDDLEWARE.insert(place, "whitenoise.middleware.WhiteNoiseMiddleware")
    case "WhiteNoise's own storage":
        STORAGES = copy.deepcopy(contender.STORAGES)
        storage = "whitenoise.storage.CompressedManifestStaticFilesStorage"
        STORAGES["staticfiles"] = {"BACKEND": storage}
    case "no compression":
        MIDDLEWARE = [name for name in MIDDLEWARE if "Compress" not in name]
