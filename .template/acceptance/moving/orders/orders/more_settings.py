INSTALLED_APPS += ["events"]  # noqa: F821
MIDDLEWARE.insert(1, "whitenoise.middleware.WhiteNoiseMiddleware")  # noqa: F821
STATICFILES_STORAGE = "whitenoise.storage.CompressedManifestStaticFilesStorage"
CELERY_TASK_ALWAYS_EAGER = True
