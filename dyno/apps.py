"""The Django app: put "dyno" into INSTALLED_APPS."""

from typing import Any

from django.apps import AppConfig, apps
from django.core.management import call_command
from django.db import DEFAULT_DB_ALIAS
from django.db.models.signals import pre_migrate, pre_save

from dyno import logs


class DynoConfig(AppConfig):
    """Registers the system checks and the signal receivers."""

    name = "dyno"

    def ready(self) -> None:
        from dyno import checks, database  # noqa: F401

        pre_migrate.connect(make_cache_table)
        if apps.is_installed("django.contrib.auth"):  # docs/moving-in.md#only-parts
            from dyno import login  # noqa: F401
        if apps.is_installed("django_tasks_db"):  # docs/removing.md
            task = "django_tasks_database.DBTaskResult"
            pre_save.connect(keep_request_id, sender=task)


def make_cache_table(using: str, **kwargs: Any) -> None:
    """Make the cache's table if it is missing, so that `migrate` makes every table."""
    if using == DEFAULT_DB_ALIAS:
        call_command("createcachetable", database=using, verbosity=0)


def keep_request_id(instance: Any, **kwargs: Any) -> None:
    """Store with a new task the id of its request, for the worker's log."""
    if instance._state.adding:
        instance.args_kwargs["request_id"] = logs.request_id.get()
