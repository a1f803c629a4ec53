"""The headers of a page, and what is refused."""

import io

from django.http import FileResponse, HttpResponse
from django.test import Client
from django.views.decorators.cache import cache_control


def test_a_shared_cache_keeps_a_page_if_its_view_says_so(client, page):
    page(cache_control(public=True, max_age=60)(lambda request: HttpResponse()))
    assert client.get("/page").headers["Cache-Control"] == "public, max-age=60"


def test_a_download_is_sent_as_it_is_with_its_length(client, page):
    page(lambda request: FileResponse(io.BytesIO(2_000 * b"a")))
    headers = client.get("/page", headers={"accept-encoding": "gzip"}).headers
    assert headers["Content-Length"] == "2000"


def status(path, **headers):
    return Client(headers=headers).get(path).status_code


def test_a_body_has_a_largest_size(settings):
    settings.REQUEST_MAX_BYTES = 100
    assert status("/plain", content_length="100") == 200
    assert status("/plain", content_length="101") == 413


def test_a_nul_byte_gets_400():
    assert status("/a%00b") == 400
    assert status("/plain?q=a%00") == 400
    assert status("/plain", cookie=r'sessionid="\000abcdefghijk"') == 400
    assert status("/plain?q=%2500") == 200  # an escaped percent sign before two zeros
