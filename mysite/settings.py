"""
Django settings for mysite.

The headings follow the order of Django's own project template, with a few more. Each
value that differs between servers comes from a config var; the README lists them. With
none set, the site is closed: no debug, HTTPS only and, off Heroku, no host answered.

https://docs.djangoproject.com/en/6.1/ref/settings/
"""

import os
import secrets
from pathlib import Path

import dj_database_url
from django.utils.csp import CSP

from dyno import database, environ, logs, mail, uploads

BASE_DIR = Path(__file__).resolve().parent.parent

# `DJANGO_LOCAL=1` means development on this machine; the site then listens on localhost
# only. `bin/run`, `runserver` and the tests set it; never set it on a server.
LOCAL = os.environ.get("DJANGO_LOCAL") == "1"
ON_HEROKU = "DYNO" in os.environ  # in a build and in Heroku CI, too


# Security
# https://docs.djangoproject.com/en/6.1/howto/deployment/checklist/

# For development only, made by `startproject`; the release phase refuses it.
DEVELOPMENT_KEY = "{{ secret_key }}"

SECRET_KEY = os.environ.get("DJANGO_SECRET_KEY", "")
if LOCAL and "DJANGO_SECRET_KEY" not in os.environ:
    SECRET_KEY = DEVELOPMENT_KEY

# Without a database nothing that is signed has to last, so a first push needs no key.
# With one, the release phase requires a key; the build works without.
if not SECRET_KEY and "DATABASE_URL" not in os.environ:
    SECRET_KEY = secrets.token_urlsafe(48)

# To change the key without logging anybody out, keep the old one here for two weeks.
SECRET_KEY_FALLBACKS = os.environ.get("DJANGO_SECRET_KEY_FALLBACKS", "").split()

DEBUG = LOCAL and os.environ.get("DJANGO_DEBUG") == "1"

ALLOWED_HOSTS = os.environ.get("DJANGO_ALLOWED_HOSTS", "").replace(",", " ").split()
if LOCAL:
    ALLOWED_HOSTS += [".localhost", "127.0.0.1", "[::1]"]
elif ON_HEROKU:  # its router passes on this app's hosts only, so this adds no other
    ALLOWED_HOSTS += [".herokuapp.com"]

# Only gunicorn decides whether a request came over HTTPS: see forwarded_allow_ips in
# gunicorn.conf.py. So SECURE_PROXY_SSL_HEADER and CSRF_TRUSTED_ORIGINS are not needed.
SECURE_SSL_REDIRECT = not LOCAL

SESSION_COOKIE_SECURE = not LOCAL
CSRF_COOKIE_SECURE = not LOCAL
CSRF_COOKIE_HTTPONLY = True

if not LOCAL:
    # Browsers bind a __Host- cookie to this host, to HTTPS and to the path "/".
    SESSION_COOKIE_NAME = "__Host-sessionid"
    CSRF_COOKIE_NAME = "__Host-csrftoken"
    # For how long browsers insist on HTTPS: raise it once you are sure that it stays.
    # SECURE_HSTS_INCLUDE_SUBDOMAINS and SECURE_HSTS_PRELOAD concern the whole domain.
    SECURE_HSTS_SECONDS = environ.whole_number("DJANGO_HSTS_SECONDS", 3600)

SILENCED_SYSTEM_CHECKS = [
    "security.W005",  # SECURE_HSTS_INCLUDE_SUBDOMAINS is your decision,
    "security.W021",  # and so is SECURE_HSTS_PRELOAD.
    "security.W009",  # The checks of dyno replace this one,
    "security.W018",  # this
    "security.W020",  # and this.
]

# A CDN that serves static files, with this site as origin: "https://cdn.example.com".
STATIC_HOST = os.environ.get("DJANGO_STATIC_HOST", "").rstrip("/")
OWN = [CSP.SELF]
if STATIC_HOST:
    OWN.append(STATIC_HOST)

# Browsers load nothing whose source is not named here. To allow another, add its origin
# to the line of its kind: "script-src": [*OWN, "https://cdn.example.com"]. runserver
# and bin/check name what your templates need; "data:" is for the icons of Bootstrap.
SECURE_CSP = {
    "default-src": [CSP.NONE],
    "script-src": OWN,
    "style-src": OWN,
    "img-src": [*OWN, "data:"],
    "font-src": OWN,
    "media-src": OWN,
    "manifest-src": OWN,
    "connect-src": OWN,
    "form-action": [CSP.SELF],
    "base-uri": [CSP.NONE],
    "frame-ancestors": [CSP.NONE],
}

# Headers that Django has no setting for, for pages and static files.
SECURITY_HEADERS = {
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=()",
}
if STATIC_HOST:
    SECURITY_HEADERS["Cross-Origin-Resource-Policy"] = "cross-origin"

# How many proxies add to X-Forwarded-For: 1 for Heroku's router, 2 with a CDN.
TRUSTED_HOPS = environ.whole_number("DJANGO_TRUSTED_HOPS", 1)

# In bytes. A larger request is answered with a 413. What Django reads into memory, a
# form without its files or the `request.body` of a view, is limited by the second: 400.
REQUEST_MAX_BYTES = 10 * 1024 * 1024
DATA_UPLOAD_MAX_MEMORY_SIZE = 512 * 1024


# Application definition

INSTALLED_APPS = [
    "mysite",
    "dyno",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django_tasks_db",
]

MIDDLEWARE = [
    # Neither Heroku's router nor gunicorn compresses pages. First, to compress last.
    "dyno.middleware.CompressPages",
    "django.middleware.csp.ContentSecurityPolicyMiddleware",
    "dyno.middleware.default_headers",
    "django.middleware.security.SecurityMiddleware",
    "dyno.middleware.refuse_bad_requests",
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
            "builtins": ["django.templatetags.static"],  # no "load static" needed
        },
    },
]

WSGI_APPLICATION = "mysite.wsgi.application"


# Database
# https://docs.djangoproject.com/en/6.1/ref/settings/#databases

# dj-database-url reads DATABASE_URL; dyno/database.py adds TLS and time-outs. Without a
# database, as in a build, there is a dummy, so that you can add to "default" below.
DATABASES = database.from_environ(os.environ, local=LOCAL, verify=not ON_HEROKU)

if "DATABASE_URL" not in os.environ and (LOCAL or not ON_HEROKU):
    # For development; off Heroku, check E006 asks for a DATABASE_URL.
    DATABASES = {"default": dj_database_url.parse(f"sqlite:///{BASE_DIR}/db.sqlite3")}

# PostgreSQL ends a page's query before the router gives up on the request (30 s). The
# config var DATABASE_STATEMENT_TIMEOUT limits tasks and commands, too.
PAGE_STATEMENT_TIMEOUT = "25s"


# Caches and sessions
# https://docs.djangoproject.com/en/6.1/topics/cache/

CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}

HAS_DATABASE = DATABASES["default"]["ENGINE"] != database.DUMMY
if HAS_DATABASE and not LOCAL:  # `migrate` makes the table
    CACHES["default"] = {
        "BACKEND": "django.core.cache.backends.db.DatabaseCache",
        "LOCATION": "cache",
        "OPTIONS": {"MAX_ENTRIES": 5_000},
    }

# Time-outs are in seconds. Heroku's own certificates cannot be verified; others are,
# unless the URL says "?ssl_cert_reqs=none".
REDIS_URL = os.environ.get("REDIS_URL", "")
if REDIS_URL:
    options = {"socket_connect_timeout": 0.5, "socket_timeout": 0.5}
    CACHES = {"default": {"BACKEND": "dyno.cache.FailOpenRedisCache"}}
    CACHES["default"] |= {"LOCATION": [REDIS_URL], "OPTIONS": options}
if REDIS_URL.startswith("rediss://") and ON_HEROKU:
    CACHES["default"]["OPTIONS"]["ssl_cert_reqs"] = None

# Sessions stay in the database: a cache could bring back one that was logged out.
# Messages are kept in them, which costs a page less than a signed cookie of their own.
MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"


# Users and passwords
# https://docs.djangoproject.com/en/6.1/ref/settings/#auth-password-validators

AUTH_USER_MODEL = "mysite.User"
AUTHENTICATION_BACKENDS = ["dyno.login.SlowedModelBackend"]

AUTH_PASSWORD_VALIDATORS = [
    {
        "NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator",  # noqa: E501
    },
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]


# Internationalization
# https://docs.djangoproject.com/en/6.1/topics/i18n/

LANGUAGE_CODE = "en-us"
TIME_ZONE = "UTC"
USE_I18N = True
USE_TZ = True


# Static files (CSS, JavaScript, images) and uploads
# https://docs.djangoproject.com/en/6.1/howto/static-files/

STATIC_URL = f"{STATIC_HOST}/static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
STATIC_ROOT = BASE_DIR / "staticfiles"
MEDIA_URL = "/media/"
MEDIA_ROOT = BASE_DIR / "media"  # in production, a bucket: docs/growing.md#uploads

STORAGES = {
    "default": uploads.storage(os.environ, local=LOCAL),
    "staticfiles": {"BACKEND": "dyno.static.ManifestStorage"},
}
if DEBUG:
    plain = "django.contrib.staticfiles.storage.StaticFilesStorage"
    STORAGES["staticfiles"] = {"BACKEND": plain}


# Email
# https://docs.djangoproject.com/en/6.1/topics/email/

MAILERS = {"default": mail.mailer(os.environ, local=LOCAL)}
DEFAULT_FROM_EMAIL = os.environ.get("EMAIL_FROM", "webmaster@localhost")
SERVER_EMAIL = DEFAULT_FROM_EMAIL

# Comma-separated addresses for error emails: at most one a minute from each process.
ADMINS = mail.addresses(os.environ.get("DJANGO_ADMINS", ""))

# Error reports list the settings, and the URL of Redis holds a password.
DEFAULT_EXCEPTION_REPORTER_FILTER = "dyno.logs.ReportFilter"


# Tasks
# https://docs.djangoproject.com/en/6.1/topics/tasks/

# Tasks run at once in development, else in a worker: heroku ps:scale worker=1.
if not LOCAL:
    TASKS = {"default": {"BACKEND": "django_tasks_db.DatabaseBackend"}}


# Logging
# https://docs.djangoproject.com/en/6.1/topics/logging/

# With DEBUG, Django's own logging; otherwise one event per line, for Heroku's log.
if not DEBUG:
    level = os.environ.get("DJANGO_LOG_LEVEL", "")
    LOGGING = logs.config(level, admins=bool(ADMINS))
