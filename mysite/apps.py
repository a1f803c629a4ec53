"""What Django is told of this package when it starts."""

from django.apps import AppConfig

from mysite import checks


class SiteConfig(AppConfig):
    """Registers the system checks and the hooks of the database."""

    name = "mysite"

    def import_models(self):
        """Refuse to start without the database's driver, in a sentence."""
        checks.refuse_to_boot("driver")  # models ask it for its limits as they load
        super().import_models()

    def ready(self):
        from mysite import database, queue  # noqa: F401
