"""Where uploaded files go: never to a dyno's disk, which is emptied every day.

settings.py imports this module, so it reads no settings when it is loaded.
"""

from collections.abc import Mapping
from typing import Any

from django.core.files.storage import InMemoryStorage

ATTACH = "heroku addons:create bucketeer:hobbyist"
INSTALL = "add django-storages[s3] to requirements.in, then run bin/lock and commit"

# The config var of a bucket's name, and the prefix of its other config vars.
BUCKETS = {"BUCKETEER_BUCKET_NAME": "BUCKETEER_AWS_", "AWS_STORAGE_BUCKET_NAME": "AWS_"}


def storage(environ: Mapping[str, str], *, local: bool) -> dict[str, Any]:
    """Return Django's STORAGES["default"] for these config vars.

    Files in the bucket are private: their URLs are signed and valid for an hour. For a
    bucket that is not Amazon's, boto3 itself reads AWS_ENDPOINT_URL_S3.
    """
    if local:
        return {"BACKEND": "django.core.files.storage.FileSystemStorage"}
    names = [name for name in BUCKETS if environ.get(name)]
    if not names:
        return {"BACKEND": "dyno.uploads.NoStorage"}
    name = names[0]
    region = environ.get("AWS_S3_REGION_NAME")  # as django-storages calls it
    options = {
        "bucket_name": environ[name],
        "access_key": environ.get(BUCKETS[name] + "ACCESS_KEY_ID"),
        "secret_key": environ.get(BUCKETS[name] + "SECRET_ACCESS_KEY"),
        "region_name": environ.get(BUCKETS[name] + "REGION", region),
        "endpoint_url": environ.get("AWS_S3_ENDPOINT_URL"),
        "signature_version": "s3v4",  # regions since 2014 accept no other
        "file_overwrite": False,  # two visitors may both upload a photo.jpg
    }
    return {"BACKEND": "storages.backends.s3.S3Storage", "OPTIONS": options}


class UploadRefused(Exception):
    """There is nowhere to keep an upload; views.server_error answers it with a 503."""


class NoStorage(InMemoryStorage):
    """Refuses to save, rather than lose the file at the dyno's next restart.

    Like a folder without files: the URL of an upload of earlier days is a 404.
    """

    def save(self, name: str, content: Any, max_length: int | None = None) -> str:
        """Raise UploadRefused."""
        raise UploadRefused(f"No bucket is attached. Fix: {ATTACH}; then {INSTALL}")
