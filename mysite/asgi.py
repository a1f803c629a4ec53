"""
An ASGI application, for a server other than gunicorn.

It answers neither /up nor static files. For static files, add
"whitenoise.middleware.WhiteNoiseMiddleware" after SecurityMiddleware in MIDDLEWARE.
Configure the server to trust the proxy that says whether a request came over HTTPS and
from where. Name the proxy's address or network: with "*", uvicorn believes an address
that a client made up.

https://docs.djangoproject.com/en/6.1/howto/deployment/asgi/
"""

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mysite.settings")

application = get_asgi_application()
