"""What a visitor sees."""

import re

import pytest
from django.conf import settings
from django.core.exceptions import PermissionDenied, SuspiciousOperation
from django.db import OperationalError
from django.test import Client, override_settings

BROKEN = "Something broke, and it was us"


def heading(text):
    return re.search("<h1>(.+)</h1>", text)[1]


def heading_of(name):
    return heading((settings.BASE_DIR / "templates" / name).read_text())


@pytest.mark.django_db
def test_there_is_a_home_page(client):
    assert client.get("/").status_code == 200


@pytest.mark.django_db
def test_the_admin_lets_a_superuser_in(client, admin_user):
    answer = client.post(
        "/admin/login/?next=/admin/", {"username": "admin", "password": "password"}
    )
    assert answer.headers["Location"] == "/admin/"
    assert client.get("/admin/").status_code == 200


def test_robots_stay_out_of_the_admin(client):
    assert client.get("/robots.txt").content == b"User-agent: *\nDisallow: /admin/\n"


def test_a_browser_that_asks_for_an_icon_gets_one(client):
    assert client.get("/favicon.ico").headers["Location"].endswith(".svg")


def test_an_unknown_address_gets_our_404(client):
    answer = client.get("/no-such-page")
    assert answer.status_code == 404
    assert heading(answer.text) == heading_of("404.html")


def test_an_unknown_host_gets_our_400(client):
    answer = client.get("/", headers={"host": "evil.example.com"})
    assert answer.status_code == 400
    assert heading(answer.text) == heading_of("400.html")


@pytest.mark.parametrize(
    "error, status, title",
    [
        (SuspiciousOperation("x"), 400, heading_of("400.html")),
        (PermissionDenied("x"), 403, heading_of("403.html")),
        (RuntimeError("x"), 500, BROKEN),
        (OperationalError("x"), 503, "This page cannot be shown just now"),
    ],
)
def test_each_failure_has_its_page(client, broken, error, status, title):
    broken(error)
    client.raise_request_exception = False
    answer = client.get("/page")
    assert answer.status_code == status
    assert heading(answer.text) == title


def test_a_form_without_its_cookie_gets_our_403():
    answer = Client(enforce_csrf_checks=True).post("/admin/login/", {})
    assert answer.status_code == 403
    assert heading(answer.text) == heading_of("403_csrf.html")


def test_the_500_page_stands_when_templates_and_static_files_are_gone(client, broken):
    broken(RuntimeError)
    client.raise_request_exception = False
    with override_settings(TEMPLATES=[], STORAGES={}):
        assert heading(client.get("/page").text) == BROKEN


def test_a_page_that_needs_an_absent_database_says_how_to_add_one(python, production):
    code = (
        "import django; django.setup(); from django.test import Client;"
        "client = Client(raise_request_exception=False);"
        "answer = client.post('/admin/login/', {'username': 'a', 'password': 'b'},"
        " headers={'host': 'x.herokuapp.com'}, secure=True);"
        "print(answer.status_code, answer.headers['Retry-After'], answer.text)"
    )
    del (config_vars := dict(production))["DATABASE_URL"]
    config_vars["DJANGO_SETTINGS_MODULE"] = "mysite.settings"
    config_vars["PYTHONPATH"] = "."
    result = python("-c", code, **config_vars)
    assert "503 10" in result.stdout, result.stderr
    assert "heroku addons:create heroku-postgresql" in result.stdout
