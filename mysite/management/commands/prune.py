"""`python manage.py prune`: for Heroku Scheduler, once a day; it needs no worker."""

from django.core.management.base import BaseCommand

from mysite.tasks import prune


class Command(BaseCommand):
    """Runs the task of that name in this process."""

    help = __doc__

    def handle(self, **options):
        self.stdout.write(f"Deleted the expired sessions and {prune.call()} results.")
