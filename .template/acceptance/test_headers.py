"""What MDN's HTTP Observatory thinks of the first page, by its own scorer.

`scorer/` holds its source, unchanged, at commit 94042bb of 2026-08-20: version 1.6.3,
and the scores for two headers more that were in no release yet.
https://github.com/mdn/mdn-http-observatory
"""

import json
import os
import shutil
import subprocess
import tarfile
from pathlib import Path

import heroku
import parts
import pytest

SCORER = Path(__file__).parent / "scorer"
YEAR = "31536000"


@pytest.fixture(scope="session")
def scorer(tmp_path_factory):
    """The folder of the scorer, with what it imports."""
    folder = shutil.copytree(SCORER, tmp_path_factory.mktemp("scorer") / "scorer")
    [archive] = folder.glob("*.tar.gz")
    with tarfile.open(archive) as tar:
        tar.extractall(folder, filter="data")
    # Which domains browsers know by heart is a list of Chromium's: here none.
    (folder / "observatory/conf").mkdir()
    (folder / "observatory/conf/hsts-preload.json").write_text("{}")
    npm = [parts.need("npm"), "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
    subprocess.run(npm, cwd=folder, check=True)
    return folder


@pytest.fixture(scope="module")
def scan(scorer, slug, secret_key):
    """What the scorer says of the site behind the router, a year of HSTS asked for."""
    config_vars = {"DJANGO_SECRET_KEY": secret_key, "DJANGO_HSTS_SECONDS": YEAR}
    with parts.HAProxy() as router, heroku.Dyno(slug, config_vars) as dyno:
        router.route([dyno.port])
        env = os.environ | {
            "HTTP_PORT": str(router.port),
            "HTTPS_PORT": str(router.tls_port),
            "NODE_EXTRA_CA_CERTS": str(router.certificate),
        }
        command = ["--import", "./loopback.mjs", "observatory/src/scan.js", heroku.HOST]
        node = [parts.need("node"), *command]
        output = subprocess.run(
            node, cwd=scorer, env=env, capture_output=True, text=True, timeout=60
        )
    return json.loads(output.stdout or output.stderr)


def test_the_scorer_gives_the_first_page_at_least_150(scan):
    assert scan["scan"]["score"] >= 150
    assert scan["scan"]["grade"] == "A+"


def test_the_scorer_finds_nothing_amiss(scan):
    assert scan["scan"]["testsFailed"] == 0
    lost = {name: t for name, t in scan["tests"].items() if t["scoreModifier"] < 0}
    assert not lost
