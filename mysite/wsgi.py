"""
The WSGI application that gunicorn.conf.py names.

https://docs.djangoproject.com/en/6.1/howto/deployment/wsgi/
"""

import os

# Django's own, behind one that answers /up and static files: see dyno/README.md.
from dyno.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mysite.settings")

application = get_wsgi_application()
