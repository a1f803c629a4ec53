"""The Django app: put "dyno" into INSTALLED_APPS."""

from django.apps import AppConfig, apps


class DynoConfig(AppConfig):
    """Registers the system checks and the signal receivers."""

    name = "dyno"

    def ready(self) -> None:
        from dyno import checks, database, login  # noqa: F401

        if apps.is_installed("django_tasks_db"):  # docs/removing.md
            from dyno import worker  # noqa: F401
