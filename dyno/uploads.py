"""Where uploaded files go: never to a dyno's disk, which forgets them."""

from importlib.util import find_spec

from django.core.exceptions import ImproperlyConfigured
from django.core.files.storage import Storage

ATTACH = "heroku addons:create bucketeer:hobbyist"
INSTALL = "add django-storages[s3] to requirements.in, then run bin/lock and commit"

# The config var of a bucket's name, and what the names of its others begin with.
BUCKETS = (
    ("BUCKETEER_BUCKET_NAME", "BUCKETEER_AWS_"),
    ("AWS_STORAGE_BUCKET_NAME", "AWS_"),
)


def library_is_installed():
    return bool(find_spec("storages") and find_spec("boto3"))


def storage(environ, *, local):
    """Return Django's STORAGES["default"] for these config vars.

    Files in the bucket are private: their URLs are signed and last an hour. boto3
    itself reads AWS_ENDPOINT_URL_S3, where the bucket is not Amazon's.
    """
    if local:
        return {"BACKEND": "django.core.files.storage.FileSystemStorage"}
    for name, prefix in BUCKETS:
        if environ.get(name) and library_is_installed():
            return {
                "BACKEND": "storages.backends.s3.S3Storage",
                "OPTIONS": {
                    "bucket_name": environ[name],
                    "access_key": environ.get(prefix + "ACCESS_KEY_ID"),
                    "secret_key": environ.get(prefix + "SECRET_ACCESS_KEY"),
                    "region_name": environ.get(prefix + "REGION"),
                    # Regions since 2014 take no other.
                    "signature_version": "s3v4",
                    # Two visitors may both upload a photo.jpg.
                    "file_overwrite": False,
                },
            }
        if environ.get(name):
            reason = f"{name} is set, but the bucket's library is missing: {INSTALL}"
            break
    else:
        reason = f"No bucket is attached: {ATTACH}; then {INSTALL}"
    options = {"reason": reason}
    return {"BACKEND": "mysite.uploads.NoStorage", "OPTIONS": options}


class UploadRefused(ImproperlyConfigured):
    """There is nowhere to keep an upload; views.server_error answers it with a 503."""


class NoStorage(Storage):
    """Refuses to save, rather than lose the file at the dyno's next restart."""

    def __init__(self, reason):
        self.reason = reason

    def save(self, name, content, max_length=None):
        raise UploadRefused(f"It cannot keep an uploaded file. {self.reason}")
