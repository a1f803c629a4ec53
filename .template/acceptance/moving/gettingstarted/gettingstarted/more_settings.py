import secrets  # noqa: E402

SECRET_KEY = os.environ.get("DJANGO_SECRET_KEY", secrets.token_urlsafe(64))  # noqa: F821
DEBUG = os.environ.get("ENVIRONMENT") == "development"  # noqa: F821
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
TEMPLATES[0]["OPTIONS"]["context_processors"] = []  # noqa: F821
STORAGES = {
    "staticfiles": {
        "BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"
    }
}
