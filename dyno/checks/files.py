"""The project's own files, as they are about to be deployed."""

import functools
import os
import re
import subprocess
import sys
from pathlib import Path

from django.conf import settings

from dyno.checks.registry import Problems, check, error, is_local, warning

# Seconds: https://devcenter.heroku.com/articles/http-routing#keepalives and
# https://devcenter.heroku.com/articles/dyno-shutdown-behavior
ROUTER_KEEPALIVE = 90
DYNO_SHUTDOWN = 30


def read(name: str) -> str:
    """Return the text of a file of the project, or "" if it does not exist."""
    path = Path(settings.BASE_DIR, name)
    return path.read_text("utf-8", "replace") if path.is_file() else ""


@check()
def python_versions() -> Problems:
    """Find two files that name different Pythons: each is read by one buildpack."""
    files = {name: read(name) for name in ("runtime.txt", ".python-version")}
    pattern = re.compile(r"^\s*(?:python-)?(\d+\.\d+)", re.MULTILINE)
    found = {name: pattern.search(text) for name, text in files.items() if text}
    versions = {match[1] if match else "no version" for match in found.values()}
    running = "{}.{}".format(*sys.version_info)
    if len(versions) > 1 or "no version" in versions:
        cause = f"{' and '.join(found)} name {' and '.join(sorted(versions))}."
        yield error(22, cause, "write the same Python version into both files")
    elif versions and versions != {running}:
        cause = f"Python {running} runs here, but {versions.pop()} on Heroku."
        yield warning(23, cause, "rm -r .venv, then bin/run")


@check()
def committed_secrets() -> Problems:
    """Find a .env in the repository, or in a slug, which holds what was committed."""
    command = ["git", "ls-files", "--error-unmatch", ".env"]
    try:
        git = subprocess.run(command, cwd=settings.BASE_DIR, capture_output=True)
        committed = git.returncode == 0
        is_slug = git.returncode == 128  # no repository
    except OSError:
        committed, is_slug = False, True
    if committed or (is_slug and "DYNO" in os.environ and read(".env")):
        cause = ".env is in the repository. Change every secret in it: git remembers."
        yield error(29, cause, "git rm --cached .env; git commit")


def web_command() -> str:
    """Return the command of the Procfile's process type `web`, or ""."""
    match = re.search(r"^web:[ \t]*(\S.*)$", read("Procfile"), re.MULTILINE)
    return match[1] if match else ""


@functools.cache
def ask_gunicorn() -> subprocess.CompletedProcess[str] | None:
    """Return what `gunicorn … --print-config` says, as the Procfile starts it."""
    match = re.search(r"\bgunicorn\b[^&|;]*", web_command())
    if not match or sys.platform == "win32":
        return None
    path = [str(Path(sys.executable).parent), os.environ.get("PATH", "")]
    env = os.environ | {"PATH": os.pathsep.join(path)}
    env["PYTHONPATH"] = os.pathsep.join(filter(None, sys.path))
    shell = ["sh", "-c", f"{match[0]} --print-config"]
    options = {"cwd": settings.BASE_DIR, "env": env, "timeout": 60}
    return subprocess.run(shell, **options, capture_output=True, text=True)


def gunicorn_figures() -> dict[str, str]:
    """Return gunicorn's merged settings as text by name; {} if they are unknown."""
    said = ask_gunicorn()
    pairs = (line.partition("=") for line in said.stdout.splitlines()) if said else ()
    figures = {name.strip(): value.strip() for name, _, value in pairs}
    return figures if "threads" in figures else {}


@check()
def web_process() -> Problems:
    """Find a web process that is missing, is for development or does not start."""
    if "runserver" in web_command() or not web_command():
        fix = "write `web: gunicorn` into the Procfile"
        yield error(25, "The Procfile has no `web`, or it is runserver.", fix)
    said = ask_gunicorn()
    # What keeps a server from starting is reported by its own check.
    if said and said.returncode and "deploy.E" not in said.stderr and not is_local():
        last = said.stderr.strip().rpartition("\n")[2]
        cause = f"The web process does not start: {last[:300]}"
        yield error(26, cause, "gunicorn --check-config shows why")


@check()
def gunicorn_time_outs() -> Problems:
    """Find time-outs that fit neither the router nor the dyno."""
    figures = gunicorn_figures()
    if figures and int(figures["keepalive"]) < ROUTER_KEEPALIVE:
        cause = "gunicorn's keepalive is under the router's 90 s."
        yield error(20, cause, "keepalive = 95 in gunicorn.conf.py")
    if figures and int(figures["graceful_timeout"]) >= DYNO_SHUTDOWN:
        cause = "gunicorn's graceful_timeout is not under 30 s, when a dyno is killed."
        yield error(21, cause, "graceful_timeout = 20 in gunicorn.conf.py")
