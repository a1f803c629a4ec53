"""A release on a one-off dyno."""

import shutil
import subprocess

import heroku

RELEASE = heroku.processes(heroku.ROOT)["release"]
OLD_STAYS = "The release that was live stays live."


def release(slug, config_vars, command=RELEASE):
    """Return whether the release was let through, and its output."""
    run = subprocess.run(
        ["/bin/bash", "-c", command],
        cwd=slug,
        env=heroku.dyno_environment(slug, "release.1", config_vars),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=40,
    )
    return run.returncode == 0, run.stdout


def copy_slug(slug, folder):
    """Return a copy of a slug that may be changed."""
    return shutil.copytree(slug, folder / "slug", symlinks=True)
