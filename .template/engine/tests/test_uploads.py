import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import storages

from mysite import uploads, views

BUCKETEER = {
    "BUCKETEER_BUCKET_NAME": "bucketeer-0123",
    "BUCKETEER_AWS_ACCESS_KEY_ID": "key",
    "BUCKETEER_AWS_SECRET_ACCESS_KEY": "secret",
    "BUCKETEER_AWS_REGION": "eu-west-1",
}


@pytest.fixture
def with_the_library(monkeypatch):
    monkeypatch.setattr(uploads, "library_is_installed", lambda: True)


def test_a_laptop_keeps_uploads_on_its_disk():
    found = uploads.storage(BUCKETEER, local=True)
    assert found["BACKEND"] == "django.core.files.storage.FileSystemStorage"


def test_what_bucketeer_sets_is_recognised(with_the_library):
    found = uploads.storage(BUCKETEER, local=False)
    assert found["BACKEND"] == "storages.backends.s3.S3Storage"
    assert found["OPTIONS"]["bucket_name"] == "bucketeer-0123"
    assert found["OPTIONS"]["access_key"] == "key"
    assert found["OPTIONS"]["secret_key"] == "secret"
    assert found["OPTIONS"]["region_name"] == "eu-west-1"


def test_any_other_bucket_has_amazons_names(with_the_library):
    environ = {
        "AWS_STORAGE_BUCKET_NAME": "mine",
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_REGION": "auto",
    }
    found = uploads.storage(environ, local=False)["OPTIONS"]
    assert (found["bucket_name"], found["region_name"]) == ("mine", "auto")


def test_an_upload_never_replaces_another(with_the_library):
    assert not uploads.storage(BUCKETEER, local=False)["OPTIONS"]["file_overwrite"]


def refusal(environ):
    """Return what a visitor's upload is refused with, under these config vars."""
    found = uploads.storage(environ, local=False)
    assert found["BACKEND"] == "mysite.uploads.NoStorage"
    storage = storages.create_storage(found)
    with pytest.raises(uploads.UploadRefused) as caught:
        storage.save("a.txt", ContentFile(b"content"))
    return str(caught.value)


def test_without_a_bucket_a_dyno_refuses_to_save_and_names_the_command():
    assert "heroku addons:create bucketeer" in refusal({})


def test_without_the_library_it_names_the_line_that_asks_for_it(monkeypatch):
    monkeypatch.setattr(uploads, "library_is_installed", lambda: False)
    message = refusal(BUCKETEER)
    assert "BUCKETEER_BUCKET_NAME is set" in message
    assert "django-storages[s3]" in message and "bin/lock" in message


def test_a_visitor_is_told_that_it_is_not_their_fault(rf):
    try:
        raise uploads.UploadRefused("It cannot keep an uploaded file.")
    except uploads.UploadRefused:
        response = views.server_error(rf.post("/"))
    assert response.status_code == 503
    assert b"cannot keep an uploaded file" in response.content
