import json

from django.test import TestCase

from .models import Event


class WebhookTest(TestCase):
    def test_an_event_of_a_megabyte_is_recorded(self):
        body = json.dumps({"kind": "paid", "padding": "x" * 1_000_000})
        answer = self.client.post("/webhook", body, "application/json")
        self.assertEqual(answer.status_code, 202)
        self.assertGreater(Event.objects.get().size, 1_000_000)
