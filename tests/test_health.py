import json

import pytest
from django.db import OperationalError

from mysite import views, wsgi


def get(path, **environ):
    """Send a request through the WSGI application; return status, headers and body."""
    answer = {}

    def start_response(status, headers):
        answer.update(status=int(status[:3]), headers=dict(headers))

    defaults = {
        "REQUEST_METHOD": "GET",
        "PATH_INFO": path,
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "8000",
        "wsgi.url_scheme": "http",
    }
    body = b"".join(wsgi.application(defaults | environ, start_response))
    return answer["status"], answer["headers"], body


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
