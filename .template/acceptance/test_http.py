"""What browsers, caches, a CDN for the static files and two lints are told by HTTP."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import heroku
import parts
import pytest

# What REDbot may say all the same, and why: docs/growing.md has it, too.
REASONS = {
    "CC_CONFLICTING": "Django's never_cache says no-store, and all else for old caches",
    "STORE_PUBLIC_UNNECESSARY": "WhiteNoise says public of files that are",
}

# A pull CDN: it asks the site for what it does not have.
CDN_HOST = "cdn.example.com"
CDN = """
defaults
  mode http
  timeout connect 5s
  timeout client 30s
  timeout server 30s
frontend cdn
  bind 127.0.0.1:{port}
  bind 127.0.0.1:{tls_port} ssl crt {folder}/server.pem
  default_backend origin
backend origin
  http-request set-header Host app.herokuapp.com
  server router 127.0.0.1:{origin} ssl verify none
"""

# No shared cache may keep these, and REDbot has no complaint about them.
PATHS = ["/", "/ready", "/up", "/admin/login/", "/nothing"]


@pytest.fixture(scope="module")
def site(rehearsal):
    """The site with DJANGO_STATIC_HOST: its router, and the CDN that asks it."""
    with (
        parts.HAProxy() as router,
        parts.HAProxy(CDN, origin=router.tls_port) as router.cdn,
    ):
        router.origin = f"https://{CDN_HOST}:{router.cdn.tls_port}"
        config_vars = {"DJANGO_STATIC_HOST": f"{router.origin}/"}
        config_vars["DJANGO_ALLOWED_HOSTS"] = "127.0.0.1"  # REDbot has no name server
        with rehearsal.dyno(**config_vars) as dyno:
            router.route([dyno.port])
            yield router


@pytest.fixture
def client(site):
    return heroku.Client(site.tls_port, site.certificate)


def test_pages_modules_and_data_load_from_the_cdn_that_the_policy_names(
    browser, site, client
):
    """Browsers ask for modules and data by CORS, as for fonts."""
    browser.get(f"https://{heroku.HOST}:{site.tls_port}/")
    parts.wait_until(lambda: "<dd>waiting" not in browser.page_source)
    urls = browser.execute_script(
        "return performance.getEntriesByType('resource').map(e => e.name)"
    )
    files = [url for url in urls if "/static/" in url]
    assert {url.rpartition(".")[2] for url in files} >= {"css", "js", "svg"}
    assert all(url.startswith(site.origin) for url in files)
    [script] = [url for url in files if url.endswith(".js")]
    for load in ("import(arguments[0])", "fetch(arguments[0])"):
        said = browser.execute_script(f"return {load}.then(() => 'ok', String)", script)
        assert said == "ok"

    policy = client.get("/").headers["Content-Security-Policy"]
    for kind in ("script", "style", "img", "font", "media", "manifest", "connect"):
        assert re.search(f"{kind}-src 'self' {site.origin}( data:)?;", policy)
    assert f"form-action 'self' {site.origin}" not in policy


@pytest.mark.parametrize("path", [*PATHS, "/admin/", "/static/no-such-file"])
def test_a_shared_cache_may_keep_nothing_but_files(client, path):
    said = client.get(path).headers["Cache-Control"]
    assert "private" in said or "no-store" in said


@pytest.mark.parametrize("path", [*PATHS, "style sheet"])
def test_redbot_has_no_complaint_without_a_reason(site, client, path):
    """A lint for HTTP: https://redbot.org/"""
    if path == "style sheet":
        path = re.search(r"/static/\S+\.css", client.get("/").text)[0]
    redbot = str(Path(sys.executable).parent / "redbot")
    command = [redbot, "-o", "har", f"https://127.0.0.1:{site.tls_port}{path}"]
    result = subprocess.run(command, capture_output=True, text=True, timeout=60)
    entries = json.loads(result.stdout)["log"]["entries"]
    notes = [note for entry in entries for note in entry["_red_messages"]]
    assert notes
    bad = {note["note_id"] for note in notes if note["level"] in ("WARN", "BAD")}
    assert bad <= set(REASONS)


def test_the_same_page_has_another_length_each_time_against_breach(client):
    """Django's mitigation: the compressed page holds a name of random length."""
    lengths = {len(client.get("/", Accept_Encoding="gzip").body) for _ in range(30)}
    assert len(lengths) > 3


def test_a_page_that_a_browser_has_is_not_sent_again(client):
    first = client.get("/robots.txt")
    again = client.get("/robots.txt", If_None_Match=first.headers["ETag"])
    assert again.status == 304
    assert again.headers["Cache-Control"] == first.headers["Cache-Control"]


def test_mdns_scorer_gives_the_first_page_all_that_it_can(pushed):
    """After a year of HSTS was asked for: https://github.com/mdn/mdn-http-observatory

    A page without cookies gets 100, and 10 for its policy, 10 for
    Cross-Origin-Resource-Policy, 5 for Referrer-Policy and 5 for frame-ancestors; the
    last 5 are for integrity attributes, which Django's `static` does not write.
    """
    folder = heroku.node_modules("scorer") / "@mdn/mdn-http-observatory"
    # Which domains browsers know by heart is a list of Chromium's: here none.
    (folder / "conf/hsts-preload.json").write_text("{}")
    with parts.HAProxy() as router, pushed.dyno(DJANGO_HSTS_SECONDS="31536000") as dyno:
        router.route([dyno.port])
        env = os.environ | {
            "HTTP_PORT": str(router.port),
            "HTTPS_PORT": str(router.tls_port),
            "NODE_EXTRA_CA_CERTS": str(router.certificate),
        }
        loopback = str(Path(__file__).parent / "scorer/loopback.mjs")
        node = [parts.need("node"), "--import", loopback, "src/scan.js", heroku.HOST]
        output = subprocess.run(
            node, cwd=folder, env=env, capture_output=True, text=True, timeout=60
        )
    found = json.loads(output.stdout or output.stderr)
    lost = {name: t for name, t in found["tests"].items() if t["scoreModifier"] < 0}
    assert not lost
    assert found["scan"]["testsFailed"] == 0
    assert found["scan"]["score"] >= 130


def test_the_first_page_has_what_the_scorer_does_not_ask_for(client):
    sent = client.get("/").headers
    assert sent["Cross-Origin-Opener-Policy"] == "same-origin"
    permissions = "camera=(), geolocation=(), microphone=(), payment=()"
    assert sent["Permissions-Policy"] == permissions
    assert sent["Set-Cookie"] is None
