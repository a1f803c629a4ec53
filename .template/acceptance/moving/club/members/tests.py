from django.test import TestCase


class MembersTest(TestCase):
    def test_the_page_is_there(self):
        self.assertContains(self.client.get("/"), "<ul>")
