"""What Google's Lighthouse thinks of the home page: 100 of 100 in each category.

12.8.2 is the newest that runs on Debian's Node. https://github.com/GoogleChrome/lighthouse
"""

import json
import os
import subprocess

import heroku
import parts
import pytest

CATEGORIES = ("accessibility", "best-practices", "performance", "seo")

# It slows the browser down to a middling phone by figures, not by waiting.
FLAGS = ["--quiet", "--output=json", f"--only-categories={','.join(CATEGORIES)}"]
CHROMIUM = (
    "--headless --no-sandbox --disable-gpu --ignore-certificate-errors "
    "--host-resolver-rules='MAP * 127.0.0.1'"
)


@pytest.fixture(scope="session")
def lighthouse():
    """The command, with what it imports, installed once for each lock."""
    return heroku.node_modules("lighthouse") / "lighthouse/cli/index.js"


@pytest.fixture(scope="module")
def report(lighthouse, dyno, tmp_path_factory):
    """What it says of the home page behind the router."""
    folder = tmp_path_factory.mktemp("lighthouse")
    with parts.HAProxy() as router:
        router.route([dyno.port])
        site = f"https://{heroku.HOST}:{router.tls_port}/"
        flags = [*FLAGS, f"--output-path={folder}/report.json"]
        flags.append(f"--chrome-flags={CHROMIUM}")
        env = os.environ | {"CHROME_PATH": parts.need("chromium")}
        command = [parts.need("node"), lighthouse, site, *flags]
        # Its browser may record no start of the page, or wait for the machine.
        for _ in range(3):
            if subprocess.run(command, env=env, timeout=140, cwd=folder).returncode:
                continue
            found = json.loads((folder / "report.json").read_text())
            if found["categories"]["performance"]["score"] == 1:
                break
    return found


@pytest.mark.parametrize("category", CATEGORIES)
def test_the_home_page_has_100_of_100(report, category):
    found = report["categories"][category]
    lost = [
        f"{ref['id']}: {report['audits'][ref['id']]['title']}"
        for ref in found["auditRefs"]
        if ref["weight"] and report["audits"][ref["id"]]["score"] not in (1, None)
    ]
    assert found["score"] == 1, lost
