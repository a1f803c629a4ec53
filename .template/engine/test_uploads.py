"""Uploads go to a bucket, or are refused."""

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import storages

from dyno import uploads

OPTIONS = {
    "bucket_name": "mine",
    "access_key": "key",
    "secret_key": "secret",
    "region_name": "eu-north-1",
    "endpoint_url": "https://minio.example.com",
    "signature_version": "s3v4",  # by default django-storages signs each URL
    "file_overwrite": False,
}


@pytest.mark.parametrize(
    "name, prefix, region",
    [
        ("BUCKETEER_BUCKET_NAME", "BUCKETEER_AWS_", "BUCKETEER_AWS_REGION"),
        ("AWS_STORAGE_BUCKET_NAME", "AWS_", "AWS_REGION"),
        ("AWS_STORAGE_BUCKET_NAME", "AWS_", "AWS_S3_REGION_NAME"),
    ],
)
def test_a_bucket_is_recognised(name, prefix, region):
    environ = {
        name: "mine",
        prefix + "ACCESS_KEY_ID": "key",
        prefix + "SECRET_ACCESS_KEY": "secret",
        region: "eu-north-1",
        "AWS_S3_ENDPOINT_URL": "https://minio.example.com",
    }
    s3 = "storages.backends.s3.S3Storage"
    assert uploads.storage(environ, local=False) == {"BACKEND": s3, "OPTIONS": OPTIONS}
    in_development = uploads.storage(environ, local=True)["BACKEND"]
    assert in_development == "django.core.files.storage.FileSystemStorage"


def test_without_a_bucket_an_upload_is_refused_and_an_earlier_one_is_not_there():
    nowhere = storages.create_storage(uploads.storage({}, local=False))
    with pytest.raises(uploads.UploadRefused, match=r"bucketeer.*django-storages.s3"):
        nowhere.save("a.txt", ContentFile(b"content"))
    with pytest.raises(FileNotFoundError):
        nowhere.open("a b.jpg")
