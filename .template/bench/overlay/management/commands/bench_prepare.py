"""Makes what the pages read, and prints as JSON where they are."""

import json
from importlib import import_module

from django.apps import apps
from django.conf import settings
from django.core.management.base import BaseCommand
from django.db import connection
from django.templatetags.static import static


class Command(BaseCommand):
    """Makes one row, and one user who is logged in where the contender has users."""

    def handle(self, **options):
        with connection.cursor() as cursor:
            cursor.execute(
                "CREATE TABLE IF NOT EXISTS bench_row"
                " (id integer PRIMARY KEY, word varchar(20) NOT NULL)"
            )
            cursor.execute(
                "INSERT INTO bench_row VALUES (1, 'one-row') ON CONFLICT DO NOTHING"
            )
        places = {"css": static("bench/site.css"), "image": static("bench/image.png")}
        if apps.is_installed("django.contrib.auth"):
            places["cookie"] = self.log_in()
        self.stdout.write(json.dumps(places))

    def log_in(self):
        """Return the cookie of a user who is logged in."""
        from django.contrib import auth

        user, _ = auth.get_user_model().objects.get_or_create(username="somebody")
        session = import_module(settings.SESSION_ENGINE).SessionStore()
        session[auth.SESSION_KEY] = str(user.pk)
        session[auth.BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[0]
        session[auth.HASH_SESSION_KEY] = user.get_session_auth_hash()
        session.save()
        return f"{settings.SESSION_COOKIE_NAME}={session.session_key}"
