from django.test import TestCase


class PhotosTest(TestCase):
    fixtures = ["photos"]

    def test_the_page_shows_the_photos_of_the_fixture(self):
        self.assertContains(self.client.get("/photos/"), "photos/sea.svg", 2)
