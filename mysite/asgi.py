"""
An ASGI application, for a server other than gunicorn.conf.py's.

/up, static files and request ids are wsgi.py's. Here, put
"whitenoise.middleware.WhiteNoiseMiddleware" after SecurityMiddleware in MIDDLEWARE,
and tell the server which proxy to believe about HTTPS.

https://docs.djangoproject.com/en/6.1/howto/deployment/asgi/
"""

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mysite.settings")

application = get_asgi_application()

from mysite import checks  # noqa: E402

checks.refuse_to_boot()
