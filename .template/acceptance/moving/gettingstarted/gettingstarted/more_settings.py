import os
import secrets

SECRET_KEY = os.environ.get("DJANGO_SECRET_KEY", secrets.token_urlsafe(64))
DEBUG = os.environ.get("ENVIRONMENT") == "development"
ALLOWED_HOSTS = [".herokuapp.com"]
SECURE_SSL_REDIRECT = not DEBUG
INSTALLED_APPS = [
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "hello",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
]
STATIC_ROOT = BASE_DIR / "staticfiles"  # noqa: F821
TEMPLATES[0]["OPTIONS"]["context_processors"] = []  # noqa: F821
STORAGES = {
    "staticfiles": {
        "BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"
    }
}
