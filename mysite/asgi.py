"""
An ASGI application, for a server other than gunicorn.

/up and static files are the WSGI application's. Here, put
"whitenoise.middleware.WhiteNoiseMiddleware" after SecurityMiddleware in MIDDLEWARE,
and tell the server which proxy to trust about HTTPS.

https://docs.djangoproject.com/en/6.1/howto/deployment/asgi/
"""

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mysite.settings")

application = get_asgi_application()
