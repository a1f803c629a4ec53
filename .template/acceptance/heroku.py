"""
Heroku, rehearsed on this machine: builds as the classic Python buildpack makes them,
releases, dynos and one-off commands of a slug, each in a clean environment.

https://github.com/heroku/heroku-buildpack-python
"""

import contextlib
import http.client
import os
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path

from client import HOST, Client
from packages import capture, installed, node_modules, shell
from parts import free_port, launch, wait_until

__all__ = ["HOST", "node_modules", "shell"]  # the tests find them here, too

ROOT = Path(__file__).resolve().parents[2]

# What the classic buildpack's profile sets on a dyno of 512 MB.
PROFILE = {
    "WEB_CONCURRENCY": "2",
    "FORWARDED_ALLOW_IPS": "*",
    "GUNICORN_CMD_ARGS": "--access-logfile -",
}


class Refused(Exception):
    """A command that failed, with what it said: what was live stays live."""


def read(path):
    """Return the text of a file, empty where there is none."""
    return path.read_text() if path.is_file() else ""


def processes(slug):
    """Return the Procfile's commands by process type."""
    return dict(re.findall(r"^([\w-]+): *(.+)$", read(slug / "Procfile"), re.MULTILINE))


def checkout(folder):
    """Copy what git would commit of this repository, as it lies here, into a folder."""
    listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listed, cwd=ROOT, check=True, capture_output=True, text=True)
    for name in filter(None, names.stdout.split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    return folder


def commit(folder, message):
    """Commit all that is in a folder, and make it a repository if it is not one."""
    me = ["-c", "user.name=Tester", "-c", "user.email=tester@example.com"]
    for words in (
        ["init", "--quiet", "--initial-branch=master"],
        ["add", "--all"],
        [*me, "commit", "--quiet", "--message", message],
    ):
        subprocess.run(["git", *words], cwd=folder, check=True)


def environment(home, **more):
    """Return the whole environment of a process in a slug: nothing of this machine."""
    path = f"{home}/.heroku/python/bin:/usr/local/bin:/usr/bin:/bin"
    return {"PATH": path, "HOME": str(home), "LANG": "C.UTF-8", **more}


def dyno_environment(slug, name, config_vars):
    """Return the environment of a dyno of 512 MB, by the buildpack's profile."""
    always = {"DYNO": name, "PYTHONUNBUFFERED": "true"}
    return environment(slug, **always | PROFILE | config_vars)


def execute(command, folder, env):
    """Return what a command of the shell says, or raise Refused with it."""
    result = capture(["/bin/bash", "-c", command], cwd=folder, env=env, timeout=300)
    if result.returncode:
        raise Refused(result.stdout)
    return result.stdout


def build(source, slug, config_vars):
    """Make a slug of a source folder and return it, or raise Refused.

    As on the platform, the folder of the build is not the one that dynos run in.
    """
    folder = slug.with_name(f"build_{slug.name}")
    no_git = shutil.ignore_patterns(".git")
    shutil.copytree(source, folder, symlinks=True, ignore=no_git)
    version = read(folder / "runtime.txt").strip().removeprefix("python-")
    version = version or read(folder / ".python-version").strip()
    python = folder / ".heroku/python"
    python.parent.mkdir()
    python.symlink_to(installed(version, folder / "requirements.txt"))
    env = environment(folder, DYNO="run.1", **config_vars)
    execute("python manage.py collectstatic --noinput --traceback", folder, env)
    return folder.rename(slug)


def release(slug, config_vars):
    """Run the Procfile's release command and return what it says, or raise Refused."""
    command = processes(slug).get("release", "true")
    return execute(command, slug, dyno_environment(slug, "release.1234", config_vars))


def run(slug, config_vars, command, **more):
    """Do as `heroku run` does: return the output of a command, or raise Refused."""
    env = dyno_environment(slug, "run.1", config_vars) | more
    return execute(command, slug, env).strip()


class Dyno:
    """A running process type of a slug, with its log in a file; a context manager."""

    def __init__(self, slug, config_vars, name="web.1", command=None):
        self.name, self.port = name, free_port()
        process_type = name.partition(".")[0]
        self.command = command or processes(slug)[process_type]
        self.log_path = Path(f"{slug}.{name}.{self.port}.log")
        env = dyno_environment(slug, name, config_vars)
        if process_type == "web":
            env["PORT"] = str(self.port)
        bash = ["/bin/bash", "-c", self.command]
        options = {"cwd": slug, "env": env, "start_new_session": True}
        self.process = launch(bash, self.log_path, **options)

    @property
    def log(self):
        """Its whole lines; the last one may just be being written."""
        text = self.log_path.read_text()
        return text[: text.rfind("\n") + 1]

    def wait_until_up(self):
        """Return once /up answers: R10 after 60 s, or when the process has ended."""

        def is_up():
            assert self.process.poll() is None, f"{self.name} ended:\n{self.log}"
            with contextlib.suppress(OSError, http.client.HTTPException):
                return Client(self.port).get("/up").status == 200

        wait_until(is_up, 60)
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

    def stop(self):
        """SIGTERM, perhaps twice, after 30 s SIGKILL (R12): return how long it took."""
        start = time.monotonic()
        self.signal(signal.SIGTERM)
        self.signal(signal.SIGTERM)
        try:
            wait_until(lambda: not self.is_alive(), 30)
        except TimeoutError:
            self.signal(signal.SIGKILL)
        self.process.wait()
        return time.monotonic() - start

    def __enter__(self):
        return self.wait_until_up() if self.name.startswith("web.") else self

    def __exit__(self, *_):
        self.signal(signal.SIGKILL)
        self.process.wait()
