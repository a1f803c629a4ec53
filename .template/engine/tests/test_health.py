import json

import pytest
from django.db import OperationalError

from mysite import views

from .conftest import get


def test_up_is_answered_whatever_the_host_and_the_scheme():
    assert get("/up", HTTP_HOST="no.such.host")[0] == 200


@pytest.mark.django_db
def test_ready_has_a_word_on_each_dependency(client):
    response = client.get("/ready")
    assert response.status_code == 200
    assert set(response.json().values()) == {"ok"}
    assert "no-store" in response["Cache-Control"]


def test_ready_is_503_when_one_fails_and_gives_no_reason_away(client, monkeypatch):
    def fail():
        raise OperationalError("connection to server at db.example.com failed")

    monkeypatch.setitem(views.PROBES, "database", fail)
    monkeypatch.setitem(views.PROBES, "migrations", fail)
    response = client.get("/ready")
    assert response.status_code == 503
    assert json.loads(response.content)["database"] == "failed"
    assert b"example.com" not in response.content
