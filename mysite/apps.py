"""What Django is told of this package when it starts."""

from django.apps import AppConfig


class SiteConfig(AppConfig):
    """Registers the system checks and the hooks of the database."""

    name = "mysite"

    def ready(self):
        from mysite import checks, database  # noqa: F401
