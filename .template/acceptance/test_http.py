"""The finer points of HTTP: what caches and clients are told, and what a lint says."""

import json
import re
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import heroku
import parts
import pytest

# What REDbot may say all the same, and why: docs/growing.md has it, too.
REASONS = {
    "CC_CONFLICTING": "Django's never_cache says no-store, and all else for old caches",
    "STORE_PUBLIC_UNNECESSARY": "WhiteNoise says public of files that are",
}

KINDS = """
def kind(request, name):
    import io, time
    from django.http import FileResponse, StreamingHttpResponse
    def slowly():
        for part in range(3):
            yield f"data: {part}\\n\\n"
            time.sleep(0.5)
    if name == "stream":
        return StreamingHttpResponse(slowly(), content_type="text/event-stream")
    return FileResponse(io.BytesIO(b"x" * 5000), content_type="text/csv")
"""


@pytest.fixture(scope="module")
def router(copy_project, postgres):
    """The router of the site, by an address that needs no name server."""
    project = copy_project("http").append("mysite/views.py", KINDS)
    project.add_route("kind/<name>", "kind").build(
        DATABASE_URL=postgres.create("http"),
        DJANGO_ALLOWED_HOSTS="127.0.0.1",
        EMAIL_URL="smtp://user:password@127.0.0.1:1",
    )
    with parts.HAProxy() as router, project.release().dyno() as router.dyno:
        router.route([router.dyno.port])
        yield router


@pytest.fixture
def client(router):
    return heroku.Client(router.tls_port, router.certificate, host="127.0.0.1")


def test_a_download_is_sent_with_its_length(client):
    answer = client.get("/kind/file", Accept_Encoding="gzip")
    assert answer.headers["Content-Encoding"] is None
    assert answer.headers["Content-Length"] == "5000"


def test_a_stream_is_sent_as_it_comes(client):
    headers = {"Host": "127.0.0.1", "Accept-Encoding": "gzip"}
    client.connection.request("GET", "/kind/stream", headers=headers)
    with closing(client.connection.getresponse()) as answer:
        begun = time.monotonic()
        assert answer.read1(100) == b"data: 0\n\n"
        first = time.monotonic() - begun
        answer.read()
        assert time.monotonic() - begun > first + 0.5


def test_the_same_page_has_another_length_each_time_against_breach(client):
    """Django's mitigation: the compressed page holds a name of random length."""
    lengths = {len(client.get("/", Accept_Encoding="gzip").body) for _ in range(30)}
    assert len(lengths) > 3


def test_a_page_that_a_browser_has_is_not_sent_again(client):
    first = client.get("/robots.txt")
    again = client.get("/robots.txt", If_None_Match=first.headers["ETag"])
    assert again.status == 304
    assert again.headers["Cache-Control"] == first.headers["Cache-Control"]


@pytest.mark.parametrize(
    "path", ["/", "style sheet", "/ready", "/up", "/admin/login/", "/nothing"]
)
def test_redbot_has_no_complaint_without_a_reason(router, client, path):
    """A lint for HTTP: https://redbot.org/"""
    if path == "style sheet":
        path = re.search(r"/static/\S+\.css", client.get("/").text)[0]
    redbot = str(Path(sys.executable).parent / "redbot")
    command = [redbot, "-o", "har", f"https://127.0.0.1:{router.tls_port}{path}"]
    result = subprocess.run(command, capture_output=True, text=True, timeout=60)
    entries = json.loads(result.stdout)["log"]["entries"]
    notes = [note for entry in entries for note in entry["_red_messages"]]
    assert notes
    bad = {note["note_id"] for note in notes if note["level"] in ("WARN", "BAD")}
    assert bad <= set(REASONS)
