"""Commands as Heroku and a newcomer run them, each in a clean environment."""

import os
import subprocess


class Refused(Exception):
    """A build or a release that failed: what was live stays live."""


def environment(home, **more):
    """Return the whole environment of a process in a slug: nothing of this machine."""
    path = f"{home}/.heroku/python/bin:/usr/local/bin:/usr/bin:/bin"
    return {"PATH": path, "HOME": str(home), "LANG": "C.UTF-8", **more}


def shell(**more):
    """Return the environment of a newcomer's shell, and how packages are reached."""
    kept = ("PATH", "HOME", "LANG", "NODE_EXTRA_CA_", "PIP_", "SSL_", "UV_")
    return {k: v for k, v in os.environ.items() if k.startswith(kept)} | more


def step(text, *command, echo=print, **options):
    """Say what is done, run a command with its output indented, or raise Refused."""
    echo(f"-----> {text}")
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    with subprocess.Popen([*map(str, command)], **pipes, **options) as process:
        for line in process.stdout:
            echo(f"       {line.rstrip()}")
    if process.returncode:
        raise Refused(f"{text}: exit status {process.returncode}")
