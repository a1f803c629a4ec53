"""The private names of others that dyno uses: dyno/README.md gives the reasons."""

import inspect

from django.contrib.staticfiles.storage import HashedFilesMixin
from gunicorn.http import wsgi


def test_gunicorn_puts_the_socket_of_a_request_into_its_environ():
    assert '"gunicorn.socket"' in inspect.getsource(wsgi)


def test_djangos_manifest_storage_asks_hashed_name_for_each_file():
    parameters = inspect.signature(HashedFilesMixin.hashed_name).parameters
    assert list(parameters) == ["self", "name", "content", "filename"]
    assert "self.hashed_name(" in inspect.getsource(HashedFilesMixin)
