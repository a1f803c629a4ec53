"""The headers of each page, and what is refused."""

import io

import pytest
from django.http import FileResponse, HttpResponse
from django.test import Client
from django.views.decorators.cache import cache_control


def test_a_page_has_its_headers_and_no_shared_cache_keeps_it_unless_the_view_says_so(
    client, page
):
    answer = client.get("/plain")
    assert answer.headers["Cache-Control"] == "max-age=0, private, must-revalidate"
    assert answer.headers["Permissions-Policy"] == "camera=()"
    page(cache_control(public=True, max_age=60)(lambda request: HttpResponse()))
    assert client.get("/page").headers["Cache-Control"] == "public, max-age=60"


@pytest.mark.parametrize("answer", [HttpResponse, FileResponse])
def test_a_page_is_compressed_and_a_download_has_its_length(client, page, answer):
    page(lambda request: answer(io.BytesIO(2_000 * b"a")))
    headers = client.get("/page", headers={"accept-encoding": "gzip"}).headers
    is_download = answer is FileResponse
    assert ("Content-Encoding" not in headers) is is_download
    assert (headers["Content-Length"] == "2000") is is_download


def status(path="/plain", **headers):
    return Client(headers=headers).get(path).status_code


def test_a_nul_byte_gets_400():
    assert status("/a%00b") == 400
    assert status("/plain?q=a%00") == 400
    assert status(cookie=r'sessionid="\000abcdefghijk"') == 400
    assert status("/plain?q=%2500") == 200  # an escaped percent sign before two zeros


def test_a_body_has_a_largest_size(settings):
    settings.REQUEST_MAX_BYTES = 100
    assert status(content_length="100") == 200
    assert status(content_length="101") == 413
