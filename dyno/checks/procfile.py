"""The Procfile: whether its process types are the right ones, and `web` starts."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from django.conf import settings

from dyno.checks.registry import Problems, check, is_local, problem

# How long a web process may take to start, in seconds:
# https://devcenter.heroku.com/articles/error-codes#r10-boot-timeout
BOOT_SECONDS = 60

# What the program `gunicorn` does, but --check-config leaves out the worker class.
CHECK_CONFIG = """
from gunicorn.app.wsgiapp import WSGIApplication
application = WSGIApplication(prog="gunicorn")
application.cfg.worker_class
application.run()
"""


def web_words(command: str) -> list[str]:
    """Return the words of a command, without redirections; [] if it takes a shell."""
    command = re.sub(r"\s\d*[<>]+&?\s*\S+", "", command)
    if re.search(r"[$`|;&'\"]|^\w+=", command):
        return []
    return command.removeprefix("exec ").split()


def gunicorn_problem(arguments: list[str]) -> str:
    """Return why gunicorn would not start with these arguments, or ""."""
    child = [sys.executable, "-c", CHECK_CONFIG, "--check-config", *arguments]
    # gunicorn would repeat its value and not its name; E040 names it.
    env = os.environ | {"WEB_CONCURRENCY": "1"}
    options = {"cwd": settings.BASE_DIR, "env": env, "timeout": BOOT_SECONDS}
    try:
        said = subprocess.run(child, **options, capture_output=True, text=True)
    except subprocess.TimeoutExpired:
        return f"it takes longer than {BOOT_SECONDS} s"
    # What keeps a server from starting is reported by its own check.
    if not said.returncode or "deploy.E" in said.stderr:
        return ""
    lines = ["it says nothing", *re.findall(r"^\w.*", said.stderr, re.MULTILINE)]
    return lines[-1][:300]


@check()
def process_types() -> Problems:
    """Find a release that checks nothing, and a web process that does not start."""
    procfile = Path(settings.BASE_DIR, "Procfile")
    text = procfile.read_text("utf-8", "replace") if procfile.is_file() else ""
    if re.search(r"^release:(?!.*\brelease\b).*\bmigrate\b", text, re.MULTILINE):
        cause = "The Procfile's `release` migrates without these checks and a lock."
        fix = "write `release: python manage.py release` into the Procfile"
        yield problem("W044", cause, fix)
    match = re.search(r"^web:[ \t]*(\S.*)$", text, re.MULTILINE)
    if not match or "runserver" in match[1]:
        fix = "write `web: gunicorn` into the Procfile"
        yield problem("E025", "The Procfile has no `web`, or it is runserver.", fix)
        return
    words = web_words(match[1])
    if not words or is_local():
        return
    program = words[0]
    folder = Path(sys.executable).parent
    cause = ""
    # What is named with its folder, a buildpack may have put there.
    if not ("/" in program or shutil.which(program) or (folder / program).exists()):
        cause = f"{program} is not installed."
    elif "gunicorn" in words:
        cause = gunicorn_problem(words[words.index("gunicorn") + 1 :])
    if cause:
        cause = f"The web process does not start: {cause}"
        fix = "add a package to requirements.in; for the rest, gunicorn --check-config"
        yield problem("E026", cause, fix)
