"""The project's settings, with the pages that a rehearsal asks for."""

from mysite.settings import *  # noqa: F403

INSTALLED_APPS += ["rehearsal"]  # noqa: F405
ROOT_URLCONF = "rehearsal.urls"
