"""
An ASGI application, for a server other than gunicorn.conf.py's.

/up, static files and request ids are wsgi.py's. Here, put
"whitenoise.middleware.WhiteNoiseMiddleware" after SecurityMiddleware in MIDDLEWARE.

https://docs.djangoproject.com/en/6.1/howto/deployment/asgi/
"""

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mysite.settings")

application = get_asgi_application()
