"""The project as its documentation has it: static files from inside Django."""

from django.core.wsgi import get_wsgi_application

application = get_wsgi_application()
