"""What is refused before a view sees it."""

import io

import pytest
from django.http import HttpResponse
from django.test import Client, override_settings
from django.views.decorators.csrf import csrf_exempt

from .conftest import get


def status(path="/robots.txt", **headers):
    return Client(headers=headers).get(path).status_code


@pytest.mark.parametrize(
    "path", ["/%00", "/a%00b", "/robots.txt?q=a%00", "/admin/login/?%00"]
)
def test_a_nul_byte_gets_400(path):
    assert status(path) == 400


def test_an_escaped_percent_sign_before_two_zeros_is_no_nul_byte():
    assert status("/robots.txt?q=%2500") == 200


def test_a_body_of_no_declared_length_gets_411():
    answer = Client().get("/robots.txt", headers={"transfer-encoding": "chunked"})
    assert answer.status_code == 411
    assert "How long is it?" in answer.text


@pytest.mark.parametrize("length, answer", [("100", 200), ("101", 413), ("a", 400)])
def test_a_body_has_a_largest_size(length, answer):
    with override_settings(REQUEST_MAX_BYTES=100):
        assert status(content_length=length) == answer


@pytest.mark.parametrize("host", ["", "evil.example.com", "a b", "127.0.0.1:x"])
def test_another_host_gets_400(host):
    assert status(host=host) == 400


def test_a_missing_host_gets_400_in_production(python, production):
    code = (
        "import sys; sys.path.insert(0, '.'); from tests.conftest import get;"
        "environ = {'wsgi.url_scheme': 'https', 'SERVER_NAME': '10.0.0.1'};"
        "from django.conf import settings;"
        "settings.STORAGES['staticfiles']['BACKEND'] ="
        " 'django.contrib.staticfiles.storage.StaticFilesStorage';"  # without manifest
        "print(get('/', **environ)[0])"
    )
    result = python("-c", code, **production)
    assert result.stdout.splitlines()[-1] == "400", result.stderr
    assert "Traceback" not in result.stdout + result.stderr


@pytest.mark.parametrize("length, answer", [(3, 200), (4, 400), (10**6, 400)])
@pytest.mark.parametrize(
    "take",
    [
        lambda request: request.body,
        lambda request: request.POST["a"],
        lambda request: request.read(),
        lambda request: request.readlines(),
    ],
    ids=["body", "form", "read", "lines"],
)
def test_half_a_body_is_not_taken_for_one(page, take, length, answer):
    page(csrf_exempt(lambda request: HttpResponse(take(request))))
    environ = {"REQUEST_METHOD": "POST", "CONTENT_LENGTH": str(length)}
    environ["CONTENT_TYPE"] = "application/x-www-form-urlencoded"
    environ["HTTP_HOST"] = "127.0.0.1"
    environ["wsgi.input"] = io.BytesIO(b"a=b")
    assert get("/page", **environ)[0] == answer


def test_a_nul_byte_in_a_cookie_gets_400():
    assert status(cookie=r'sessionid="\000abcdefghijk"') == 400
