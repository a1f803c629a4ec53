"""Heroku's own CLI runs a project on this machine: `heroku local`."""

import os
import re
import shutil
from urllib.request import urlopen

import heroku
from projects import call, install
from scripts import serving


def test_herokus_own_cli_runs_the_release_and_the_site_from_the_example(copy_project):
    project = copy_project("local").folder
    cli = heroku.node_modules("cli") / ".bin"
    path = f"{install(project).parent}:{cli}:{os.environ['PATH']}"
    home = str(project.parent)
    env = {"PATH": path, "HOME": home, "HEROKU_DISABLE_UPDATE": "1"}
    shutil.copy(project / ".env.example", project / ".env")
    said = call("heroku", "local", "release", cwd=project, **env)
    assert "The database default is migrated" in said
    collect = ("heroku", "local:run", "--", "python", "manage.py", "collectstatic")
    said = call(*collect, "--noinput", cwd=project, **env)
    assert "static files copied" in said
    with serving(project, "heroku", "local", "web", "--port", "{}", **env) as log:
        address = re.search(r"127\.0\.0\.1:\d+", log)[0]
        page = urlopen(f"http://{address}/").read().decode()
        assert "Hello from Django" in page
