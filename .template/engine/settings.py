"""The least that dyno and its tests need of a site: no page of its own."""

import os
from pathlib import Path

from django.utils.csp import CSP

from dyno import database, logs, mail

BASE_DIR = Path(__file__).resolve().parent

LOCAL = True
SECRET_KEY = "a-key-for-tests"
ALLOWED_HOSTS = [".localhost", "127.0.0.1", "[::1]"]

SECURE_CSP = {"default-src": [CSP.NONE]}

INSTALLED_APPS = [
    "dyno",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django_tasks_db",
]

# What dyno has or speaks of, and what the admin needs.
MIDDLEWARE = [
    "dyno.middleware.CompressPages",
    "dyno.middleware.default_headers",
    "django.middleware.security.SecurityMiddleware",
    "dyno.middleware.refuse_bad_requests",
    "django.middleware.common.CommonMiddleware",  # refuses unknown hosts
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
]

ROOT_URLCONF = "urls"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
    },
]

url = os.environ.get("DATABASE_URL", "sqlite://:memory:")
DATABASES = {"default": database.parse(url, local=True)}

AUTHENTICATION_BACKENDS = ["dyno.login.SlowedModelBackend"]

STATIC_URL = "/static/"

MAILERS = {"default": mail.mailer({}, local=True)}

LOGGING = logs.config("")
