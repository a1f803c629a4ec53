"""Uploads go to a bucket, or are refused."""

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import storages

from dyno import uploads, views

BUCKETEER = {
    "BUCKETEER_BUCKET_NAME": "bucketeer-0123",
    "BUCKETEER_AWS_ACCESS_KEY_ID": "key",
    "BUCKETEER_AWS_SECRET_ACCESS_KEY": "secret",
    "BUCKETEER_AWS_REGION": "eu-west-1",
}


def test_in_development_uploads_are_kept_on_the_disk():
    found = uploads.storage(BUCKETEER, local=True)
    assert found["BACKEND"] == "django.core.files.storage.FileSystemStorage"


def test_what_bucketeer_sets_is_recognised():
    found = uploads.storage(BUCKETEER, local=False)
    assert found["BACKEND"] == "storages.backends.s3.S3Storage"
    assert found["OPTIONS"]["bucket_name"] == "bucketeer-0123"
    assert found["OPTIONS"]["access_key"] == "key"
    assert found["OPTIONS"]["secret_key"] == "secret"
    assert found["OPTIONS"]["region_name"] == "eu-west-1"


def test_any_other_bucket_has_amazons_names():
    environ = {
        "AWS_STORAGE_BUCKET_NAME": "mine",
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_REGION": "auto",
    }
    found = uploads.storage(environ, local=False)["OPTIONS"]
    assert (found["bucket_name"], found["region_name"]) == ("mine", "auto")


def test_the_names_of_django_storages_are_understood_too():
    environ = {
        "AWS_STORAGE_BUCKET_NAME": "mine",
        "AWS_S3_REGION_NAME": "eu-north-1",
        "AWS_S3_ENDPOINT_URL": "https://minio.example.com",
    }
    found = uploads.storage(environ, local=False)["OPTIONS"]
    assert found["region_name"] == "eu-north-1"
    assert found["endpoint_url"] == "https://minio.example.com"


def test_an_upload_never_replaces_another():
    assert not uploads.storage(BUCKETEER, local=False)["OPTIONS"]["file_overwrite"]


@pytest.fixture
def without_a_bucket():
    """The storage of a dyno to which no bucket is attached."""
    return storages.create_storage(uploads.storage({}, local=False))


def test_without_a_bucket_a_dyno_refuses_to_save_and_names_the_command(
    without_a_bucket,
):
    with pytest.raises(uploads.UploadRefused) as caught:
        without_a_bucket.save("a.txt", ContentFile(b"content"))
    assert "Fix: heroku addons:create bucketeer" in str(caught.value)
    assert "django-storages[s3]" in str(caught.value)
    assert "bin/lock" in str(caught.value)


def test_without_a_bucket_an_upload_of_earlier_days_is_a_file_that_is_not_there(
    without_a_bucket, settings
):
    settings.MEDIA_URL = "/media/"
    assert without_a_bucket.url("a b.jpg") == "/media/a%20b.jpg"
    assert not without_a_bucket.exists("a b.jpg")
    with pytest.raises(FileNotFoundError):
        without_a_bucket.open("a b.jpg")
    without_a_bucket.delete("a b.jpg")


def test_a_visitor_sees_the_503_page_and_the_log_says_what_to_do(rf, caplog):
    try:
        raise uploads.UploadRefused("Fix: heroku addons:create")
    except uploads.UploadRefused:
        response = views.server_error(rf.post("/"))
    assert response.status_code == 503
    assert b"503 by the site" in response.content
    assert b"heroku" not in response.content
    assert "heroku addons:create" in caplog.text


def test_a_url_of_an_upload_is_signed():
    options = uploads.storage(BUCKETEER, local=False)["OPTIONS"]
    assert options["signature_version"] == "s3v4"
    assert "querystring_auth" not in options  # django-storages' default is to sign
