INSTALLED_APPS += ["members"]  # noqa: F821
