"""The models of the site itself; each of your apps has its own."""

from django.contrib.auth.models import AbstractUser
from django.db import models


class User(AbstractUser):
    """Django's own user, in a table that you can add columns to.

    Django recommends this at the start of a project, since changing it later is hard:
    https://docs.djangoproject.com/en/6.1/topics/auth/customizing/
    """
