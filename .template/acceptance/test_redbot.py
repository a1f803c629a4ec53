"""What REDbot, a lint for HTTP, complains of. https://redbot.org/"""

import json
import re
import subprocess
import sys
from pathlib import Path

import heroku
import parts
import pytest

# What it may say all the same, and why: docs/growing.md and dyno/README.md have it too.
REASONS = {
    "CC_CONFLICTING": "Django's never_cache says no-store, and all else for old caches",
}


@pytest.fixture(scope="module")
def site(slug, postgres, secret_key):
    """The site behind the router, by an address that needs no name server."""
    config_vars = {
        "DJANGO_SECRET_KEY": secret_key,
        "DATABASE_URL": postgres.create("redbot"),
        "DJANGO_ALLOWED_HOSTS": "127.0.0.1",
        "EMAIL_URL": "smtp://user:password@127.0.0.1:1",
    }
    heroku.release(slug, config_vars)
    with parts.HAProxy() as router, heroku.Dyno(slug, config_vars) as dyno:
        router.route([dyno.port])
        yield router


def notes(site, path):
    """Return what REDbot notes of a page."""
    redbot = str(Path(sys.executable).parent / "redbot")
    command = [redbot, "-o", "har", f"https://127.0.0.1:{site.tls_port}{path}"]
    result = subprocess.run(command, capture_output=True, text=True, timeout=60)
    entries = json.loads(result.stdout)["log"]["entries"]
    return [note for entry in entries for note in entry["_red_messages"]]


@pytest.mark.parametrize(
    "path", ["/", "style sheet", "/ready", "/up", "/admin/login/", "/nothing"]
)
def test_it_has_no_complaint_without_a_reason(site, path):
    if path == "style sheet":
        page = heroku.Client(site.tls_port, site.certificate, host="127.0.0.1").get("/")
        path = re.search(r"/static/\S+\.css", page.text)[0]
    found = notes(site, path)
    assert found
    bad = {note["note_id"] for note in found if note["level"] in ("WARN", "BAD")}
    assert bad <= set(REASONS)
