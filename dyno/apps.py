"""The Django app: put "dyno" into INSTALLED_APPS."""

from django.apps import AppConfig


class DynoConfig(AppConfig):
    """Registers the system checks and the signal receivers."""

    name = "dyno"

    def ready(self) -> None:
        from dyno import checks, database, worker  # noqa: F401
