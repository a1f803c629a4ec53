from django.core.files.base import ContentFile
from django.test import TestCase

from .models import Photo


class PhotosTest(TestCase):
    fixtures = ["photos"]

    def test_the_page_shows_the_photos_of_the_fixture(self):
        self.assertContains(self.client.get("/photos/"), "photos/sea.svg", 2)

    def test_a_photo_is_saved(self):
        photo = Photo(title="Lake")
        photo.image.save("lake.svg", ContentFile(b"<svg/>"))
        photo.image.delete()
