"""What MDN's HTTP Observatory thinks of the first page, by its own scorer.

npm has version 1.4.8. There a page without cookies gets 100, and 10 for its policy, 10
for Cross-Origin-Resource-Policy, 5 for Referrer-Policy and 5 for frame-ancestors; the
last 5 are for integrity attributes, which Django's `static` does not write.
https://github.com/mdn/mdn-http-observatory
"""

import json
import os
import shutil
import subprocess
from pathlib import Path

import heroku
import parts
import pytest

SCORER = Path(__file__).parent / "scorer"
YEAR = "31536000"


@pytest.fixture(scope="module")
def scan(pushed, tmp_path_factory):
    """What the scorer says of the site behind the router, a year of HSTS asked for."""
    folder = shutil.copytree(SCORER, tmp_path_factory.mktemp("scorer") / "scorer")
    npm = [parts.need("npm"), "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
    subprocess.run(npm, cwd=folder, check=True)
    folder /= "node_modules/@mdn/mdn-http-observatory"
    # Which domains browsers know by heart is a list of Chromium's: here none.
    (folder / "conf/hsts-preload.json").write_text("{}")
    with parts.HAProxy() as router, pushed.dyno(DJANGO_HSTS_SECONDS=YEAR) as dyno:
        router.route([dyno.port])
        env = os.environ | {
            "HTTP_PORT": str(router.port),
            "HTTPS_PORT": str(router.tls_port),
            "NODE_EXTRA_CA_CERTS": str(router.certificate),
        }
        loopback = str(SCORER / "loopback.mjs")
        node = [parts.need("node"), "--import", loopback, "src/scan.js", heroku.HOST]
        output = subprocess.run(
            node, cwd=folder, env=env, capture_output=True, text=True, timeout=60
        )
    return json.loads(output.stdout or output.stderr)


SENT = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; "
    "style-src 'self'; img-src 'self' data:; font-src 'self'; media-src 'self'; "
    "manifest-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=()",
    "Referrer-Policy": "same-origin",
    "Strict-Transport-Security": "max-age=3600",
    "X-Content-Type-Options": "nosniff",
}


def test_the_first_page_has_these_and_one_heading_and_asks_no_database(dyno):
    """tests/ holds a project to its settings, and this the template to its own."""
    page = heroku.Client(dyno.port).get("/")
    assert page.status == 200 and page.text.count("<h1>") == 1
    assert {name: page.headers.get(name) for name in SENT} == SENT
    assert page.headers.get("Set-Cookie") is None


def test_the_scorer_gives_the_first_page_all_that_it_can(scan):
    assert scan["scan"]["score"] >= 130
    assert scan["scan"]["grade"] == "A+"
    assert scan["scan"]["testsFailed"] == 0
    lost = {name: t for name, t in scan["tests"].items() if t["scoreModifier"] < 0}
    assert not lost
