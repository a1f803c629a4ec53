"""Where uploaded files go: never to a dyno's disk, which forgets them."""

from django.core.files.storage import Storage


def storage(environ, *, local):
    """Return Django's STORAGES["default"] for these config vars."""
    if local:
        return {"BACKEND": "django.core.files.storage.FileSystemStorage"}
    return {"BACKEND": "mysite.uploads.RefusingStorage"}


class RefusingStorage(Storage):
    """Refuses to save, rather than lose the file at the dyno's next restart."""

    def _save(self, name, content):
        raise NotImplementedError
