"""The models of the site itself; an app of yours has its own."""

from django.contrib.auth.models import AbstractUser


class User(AbstractUser):
    """A user of the site: Django's own, in a table that you may add columns to.

    Django recommends this at the start of a project, since changing it later is hard:
    https://docs.djangoproject.com/en/6.1/topics/auth/customizing/
    """
