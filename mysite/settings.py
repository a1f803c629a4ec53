"""
Django settings for mysite.

Read from top to bottom: the headings and their order are those of Django's own
project template, so that a diff against the next Django's is the upgrade guide.
Every value that differs between servers comes from a config var; the README lists
them. With none set, the site is closed: no debug, HTTPS only, no host is answered.

https://docs.djangoproject.com/en/6.1/ref/settings/
"""

import os
from pathlib import Path

import dj_database_url
from django.utils.csp import CSP

from mysite import logs, mail, uploads

# Build paths inside the project like this: BASE_DIR / 'subdir'.
BASE_DIR = Path(__file__).resolve().parent.parent

# A laptop is told by name and only opens to itself: `bin/run`, `runserver` and the
# tests set this, and a .env may. No server does.
LOCAL = os.environ.get("DJANGO_LOCAL") == "1"

# True in a build, in Heroku CI and on every dyno.
ON_HEROKU = "DYNO" in os.environ


# Security
# https://docs.djangoproject.com/en/6.1/howto/deployment/checklist/

# For a laptop only, made by `startproject`; the release refuses it elsewhere.
DEVELOPMENT_KEY = "{{ secret_key }}"

# Imports must pass without it: a build may come before the config var is set.
SECRET_KEY = os.environ.get("DJANGO_SECRET_KEY", DEVELOPMENT_KEY if LOCAL else "")

# To change the key without logging anybody out, move the old one here for a while.
SECRET_KEY_FALLBACKS = os.environ.get("DJANGO_SECRET_KEY_FALLBACKS", "").split()

DEBUG = LOCAL and os.environ.get("DJANGO_DEBUG") == "1"

ALLOWED_HOSTS = os.environ.get("DJANGO_ALLOWED_HOSTS", "").replace(",", " ").split()
if LOCAL:
    ALLOWED_HOSTS += [".localhost", "127.0.0.1", "[::1]"]
elif ON_HEROKU:
    # Heroku's router only passes on the hosts of this app, so this opens no other.
    ALLOWED_HOSTS += [".herokuapp.com"]

# Who speaks HTTPS is gunicorn's word alone: see forwarded_allow_ips in
# gunicorn.conf.py. No SECURE_PROXY_SSL_HEADER here, and no CSRF_TRUSTED_ORIGINS.
SECURE_SSL_REDIRECT = not LOCAL

# An hour can be waited out, a year cannot: raise it once HTTPS is sure to stay.
hsts = os.environ.get("DJANGO_HSTS_SECONDS", "")
SECURE_HSTS_SECONDS = 0 if LOCAL else int(hsts) if hsts.isdecimal() else 3600

# Subdomains and browsers' preload lists bind the whole domain, not this site alone;
# checks/ says the other three in its own words, with the command that mends it.
SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W021"]
SILENCED_SYSTEM_CHECKS += ["security.W009", "security.W018", "security.W020"]

# Browsers keep a __Host- cookie to this host, to HTTPS and to the path "/".
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = not LOCAL
SESSION_COOKIE_NAME = "sessionid" if LOCAL else "__Host-sessionid"
CSRF_COOKIE_NAME = "csrftoken" if LOCAL else "__Host-csrftoken"
CSRF_COOKIE_HTTPONLY = True

# Nothing loads unless its source is named. To open it for a CDN, add the origin to
# the line of its kind: "script-src": [CSP.SELF, "https://cdn.example.com"].
SECURE_CSP = {
    "default-src": [CSP.NONE],
    "script-src": [CSP.SELF],
    "style-src": [CSP.SELF],
    "img-src": [CSP.SELF],
    "font-src": [CSP.SELF],
    "connect-src": [CSP.SELF],
    "form-action": [CSP.SELF],
    "base-uri": [CSP.NONE],
    "frame-ancestors": [CSP.NONE],
}

# What Django has no setting for; the responses and the static files carry them.
SECURITY_HEADERS = {
    "Cross-Origin-Embedder-Policy": "credentialless",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=()",
}

# The largest request body that is read at all, in bytes; a larger one gets a 413.
REQUEST_MAX_BYTES = 10 * 1024 * 1024


# Application definition

INSTALLED_APPS = [
    "mysite",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    # Before staticfiles: `runserver` then serves static files as production does.
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django_tasks_db",
]

# Static files and /up never come here: wsgi.py answers them first.
MIDDLEWARE = [
    "django.middleware.csp.ContentSecurityPolicyMiddleware",
    "mysite.middleware.security_headers",
    "django.middleware.security.SecurityMiddleware",
    "mysite.middleware.front_door",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

ROOT_URLCONF = "mysite.urls"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
            "builtins": ["mysite.templatetags.files"],
        },
    },
]

WSGI_APPLICATION = "mysite.wsgi.application"


# Database
# https://docs.djangoproject.com/en/6.1/ref/settings/#databases

# Set by `heroku addons:create heroku-postgresql:essential-0`. What is wrong with it is
# told by checks/, in the release: here it must not stop the build's other messages.
database_url = os.environ.get("DATABASE_URL", "")
try:
    DATABASES = {"default": dj_database_url.parse(database_url)}
except ValueError:
    DATABASES = {}

if "DATABASE_URL" not in os.environ and (LOCAL or not ON_HEROKU):
    # A dyno's disk forgets, so this file is for laptops; checks/ says so elsewhere.
    DATABASES = {
        "default": {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": BASE_DIR / "db.sqlite3",
        }
    }
elif DATABASES and DATABASES["default"]["ENGINE"].endswith(("postgresql", "postgis")):
    # A new TLS connection a request costs a factor of six. A health check saves the
    # error page after the server was restarted; database.py makes it cost nothing.
    DATABASES["default"] |= {"CONN_MAX_AGE": 600, "CONN_HEALTH_CHECKS": True}
    options = DATABASES["default"].setdefault("OPTIONS", {})
    options.setdefault("connect_timeout", 3)  # seconds
    if not LOCAL:
        # Heroku's certificate is its own; "verify-full" in the URL is left alone.
        options.setdefault("sslmode", "require")


# Caches and sessions
# https://docs.djangoproject.com/en/6.1/topics/cache/

# Set by `heroku addons:create heroku-redis:mini`.
redis_url = os.environ.get("REDIS_URL", "")
if redis_url:
    # Seconds; see mysite/cache.py for what happens then.
    options = {"socket_connect_timeout": 0.5, "socket_timeout": 0.5}
    if redis_url.startswith("rediss://"):
        # Heroku signs Redis's certificate itself, so there is no chain to verify.
        options["ssl_cert_reqs"] = None
    cache = {"BACKEND": "mysite.cache.FailOpenRedisCache"}
    cache |= {"LOCATION": redis_url, "OPTIONS": options}
elif DATABASES and not LOCAL:
    # Shared by every dyno; the release phase makes the table.
    cache = {"BACKEND": "django.core.cache.backends.db.DatabaseCache"}
    cache |= {"LOCATION": "cache", "OPTIONS": {"MAX_ENTRIES": 5_000}}
else:
    cache = {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}
CACHES = {"default": cache}

# Sessions stay in the database, Django's default, even where there is Redis: out of a
# cache that was away for a moment, somebody who has logged out would come back.

MESSAGE_STORAGE = "mysite.messages.Storage"


# Password validation
# https://docs.djangoproject.com/en/6.1/ref/settings/#auth-password-validators

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]

AUTHENTICATION_BACKENDS = ["mysite.login.SlowedModelBackend"]


# Internationalization
# https://docs.djangoproject.com/en/6.1/topics/i18n/

LANGUAGE_CODE = "en-us"

TIME_ZONE = "UTC"

USE_I18N = True

USE_TZ = True


# Static files (CSS, JavaScript, images) and uploads
# https://docs.djangoproject.com/en/6.1/howto/static-files/

STATIC_URL = "static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
STATIC_ROOT = BASE_DIR / "staticfiles"

MEDIA_URL = "media/"
MEDIA_ROOT = BASE_DIR / "media"

STORAGES = {
    "default": uploads.storage(os.environ, local=LOCAL),
    "staticfiles": {"BACKEND": "mysite.static.Storage"},
}

# Only the hashed copies: the others would double the slug.
WHITENOISE_KEEP_ONLY_HASHED_FILES = True
WHITENOISE_ALLOW_ALL_ORIGINS = False


# Email
# https://docs.djangoproject.com/en/6.1/topics/email/

MAILERS = {"default": mail.mailer(os.environ, local=LOCAL)}
DEFAULT_FROM_EMAIL = SERVER_EMAIL = os.environ.get("EMAIL_FROM", "webmaster@localhost")

# Each is sent the tracebacks of errors, one a minute and process at the most.
ADMINS = os.environ.get("DJANGO_ADMINS", "").replace(",", " ").split()

# An error's report lists the settings, and Redis's URL holds a password.
DEFAULT_EXCEPTION_REPORTER_FILTER = "mysite.views.ReportFilter"


# Tasks
# https://docs.djangoproject.com/en/6.1/topics/tasks/

# Done at once on a laptop; in production by `heroku ps:scale worker=1`.
TASKS = {"default": {"BACKEND": "django_tasks_db.DatabaseBackend"}}
if LOCAL:
    TASKS["default"]["BACKEND"] = "django.tasks.backends.immediate.ImmediateBackend"


# Logging
# https://docs.djangoproject.com/en/6.1/topics/logging/

# Django's own with debug on; else one event a line on stdout, for Heroku's log.
level = os.environ.get("DJANGO_LOG_LEVEL", "")
LOGGING = {} if DEBUG else logs.config(level, admins=bool(ADMINS))
