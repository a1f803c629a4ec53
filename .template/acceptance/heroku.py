"""
Heroku, rehearsed on this machine: releases, dynos and one-off commands of a slug, in a
clean environment. What belongs to it is in slugs.py, packages.py, commands.py and
client.py; the tests find all of it here.
"""

import contextlib
import http.client
import os
import signal
import subprocess
import time
from pathlib import Path

from client import HOST, Client
from commands import Refused, environment, shell, step
from packages import CACHE, find_python, installed, node_modules
from programs import free_port, wait_until
from slugs import ROOT, build, checkout, commit, processes, read

__all__ = [
    "CACHE",
    "HOST",
    "ROOT",
    "Client",
    "Dyno",
    "Refused",
    "build",
    "checkout",
    "commit",
    "dyno_environment",
    "find_python",
    "installed",
    "node_modules",
    "processes",
    "read",
    "release",
    "run",
    "shell",
    "wait_until",
]

# What the classic buildpack's profile sets on a dyno of 512 MB. The Cloud Native one
# has no profile.
PROFILE = {
    "WEB_CONCURRENCY": "2",
    "FORWARDED_ALLOW_IPS": "*",
    "GUNICORN_CMD_ARGS": "--access-logfile -",
}


def release(slug, config_vars, echo=print):
    """Run the Procfile's release command, or raise Refused."""
    if command := processes(slug).get("release"):
        env = dyno_environment(slug, "release.1234", config_vars)
        shell = ("/bin/bash", "-c", command)
        step("Running release command...", *shell, echo=echo, cwd=slug, env=env)


def dyno_environment(slug, name, config_vars, profile=PROFILE):
    """Return the environment of a dyno of 512 MB, by the buildpack's profile."""
    always = {"DYNO": name, "PYTHONUNBUFFERED": "true"}
    return environment(slug, **always | profile | config_vars)


class Dyno:
    """A running process type of a slug, with its log in a file; a context manager."""

    profile = PROFILE

    def __init__(self, slug, config_vars, name="web.1", command=None):
        self.name, self.port = name, free_port()
        process_type = name.partition(".")[0]
        self.command = command or processes(slug)[process_type]
        self.log_path = Path(f"{slug}.{name}.{self.port}.log")
        env = dyno_environment(slug, name, config_vars, self.profile)
        if process_type == "web":
            env["PORT"] = str(self.port)
        with self.log_path.open("w") as log:
            self.process = subprocess.Popen(
                ["/bin/bash", "-c", self.command],
                cwd=slug,
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def log(self):
        """Its whole lines; the last one may just be being written."""
        text = self.log_path.read_text()
        return text[: text.rfind("\n") + 1]

    def wait_until_up(self, seconds=60):
        """Return once /up answers: R10 after 60 s, or when the process has ended."""

        def is_up():
            if self.process.poll() is not None:
                raise RuntimeError(f"{self.name} ended:\n{self.log}")
            with contextlib.suppress(OSError, http.client.HTTPException):
                return Client(self.port).get("/up").status == 200

        wait_until(is_up, seconds)
        return self

    def signal(self, number):
        """Signal every process of the dyno, as Heroku does, not the first one alone."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, number)

    def is_alive(self):
        """Say whether any process of the dyno is left."""
        self.process.poll()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, 0)
            return True
        return False

    def stop(self, seconds=30):
        """SIGTERM, perhaps twice, then SIGKILL: return how long it took in seconds.

        Where it had to be killed (R12), that is `seconds` or more.
        """
        start = time.monotonic()
        self.signal(signal.SIGTERM)
        self.signal(signal.SIGTERM)
        try:
            wait_until(lambda: not self.is_alive(), seconds)
        except TimeoutError:
            self.signal(signal.SIGKILL)
        self.process.wait()
        return time.monotonic() - start

    def __enter__(self):
        return self.wait_until_up() if self.name.startswith("web.") else self

    def __exit__(self, *_):
        self.signal(signal.SIGKILL)
        self.process.wait()


def run(slug, config_vars, command, **more):
    """Do as `heroku run` does: return the output of a command, or raise Refused."""
    lines = []
    env = dyno_environment(slug, "run.1", config_vars) | more
    shell = ("/bin/bash", "-c", command)
    try:
        step(command, *shell, echo=lines.append, cwd=slug, env=env)
    except Refused as refused:
        raise Refused("\n".join(lines)) from refused
    return "\n".join(line.strip() for line in lines[1:])
