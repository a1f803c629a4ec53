"""Heroku's own CLI runs a project on this machine: `heroku local`."""

import os
import shutil
import signal
import subprocess

import heroku
import parts
import pytest
from parts import free_port, wait_until
from projects import archive, call, install, start


@pytest.fixture
def project(repository, tmp_path):
    """A new project, installed."""
    template = archive(repository, tmp_path / "template.zip")
    folder = start(template, "bookshop", tmp_path)
    install(folder)
    return folder


@pytest.fixture(scope="module")
def real_cli():
    """Heroku's own CLI, from npm, kept while its lock is the same: it has 400 MB."""
    return heroku.node_modules("cli") / ".bin"


def test_herokus_own_cli_runs_the_release_and_the_site_from_the_example(
    project, real_cli
):
    port = str(free_port())
    python = project / ".venv/bin/python"
    path = f"{python.parent}:{real_cli}:{os.environ['PATH']}"
    env = {"PATH": path, "HOME": str(project.parent), "HEROKU_DISABLE_UPDATE": "1"}
    shutil.copy(project / ".env.example", project / ".env")
    said = call("heroku", "local", "release", cwd=project, **env)
    assert "The database default is migrated" in said
    collect = "python manage.py collectstatic --noinput"
    assert "static files copied" in call(
        *("heroku", "local:run", "--", *collect.split()), cwd=project, **env
    )
    with (project.parent / "log").open("w") as log:
        local = subprocess.Popen(
            ["heroku", "local", "web", "--port", port],
            cwd=project,
            env=heroku.shell(**env),
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        client = heroku.Client(int(port), visitor=True, host=f"127.0.0.1:{port}")
        wait_until(lambda: local.poll() is not None or parts.listens(int(port)), 60)
        page = client.get("/")
        assert page.status == 200 and "Hello from Django" in page.text
    finally:
        os.killpg(local.pid, signal.SIGTERM)  # the site, too
        local.wait()
    wait_until(lambda: not parts.listens(int(port)))
