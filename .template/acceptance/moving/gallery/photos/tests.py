from django.contrib.auth import get_user_model
from django.core.files.base import ContentFile
from django.test import TestCase

from .models import Photo


class PhotosTest(TestCase):
    fixtures = ["photos"]

    def test_the_page_shows_the_photos_of_the_fixture(self):
        self.assertContains(self.client.get("/photos/"), "photos/sea.svg", 2)

    def test_the_files_of_the_fixture_are_there(self):
        self.assertIn("svg", Photo.objects.first().image.read().decode())

    def test_a_visitor_logs_in(self):
        get_user_model().objects.create_user("ann", password="a-password", town="Bath")
        self.assertTrue(self.client.login(username="ann", password="a-password"))

    def test_an_unknown_page_has_the_owners_look(self):
        page = self.client.get("/no-such-page")
        self.assertContains(page, "This picture is gone", status_code=404)

    def test_a_photo_is_saved(self):
        photo = Photo(title="Lake")
        photo.image.save("lake.svg", ContentFile(b"<svg/>"))
        photo.image.delete()
