"""
The ASGI application, for gunicorn's asgi worker or another server for ASGI.

The site needs it only for WebSockets: docs/growing.md#websockets-and-async. It does not
serve static files; for them, add "whitenoise.middleware.WhiteNoiseMiddleware" after
SecurityMiddleware in MIDDLEWARE.

https://docs.djangoproject.com/en/6.1/howto/deployment/asgi/
"""

import os

# Django's own, with the request's id in its log lines: see dyno/README.md.
from dyno.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mysite.settings")

application = get_asgi_application()
