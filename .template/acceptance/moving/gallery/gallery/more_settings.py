INSTALLED_APPS += ["people", "photos", "compressor"]  # noqa: F821
AUTH_USER_MODEL = "people.User"
STATICFILES_DIRS = [BASE_DIR / "static"]  # noqa: F821
STATICFILES_FINDERS = [
    "django.contrib.staticfiles.finders.FileSystemFinder",
    "django.contrib.staticfiles.finders.AppDirectoriesFinder",
    "compressor.finders.CompressorFinder",
]
COMPRESS_ENABLED = not DEBUG  # noqa: F821
