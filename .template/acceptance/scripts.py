"""The scripts in bin/ and the blocks in docs/ as an owner runs them."""

import contextlib
import os
import re
import sys
from pathlib import Path
from urllib.request import urlopen

import heroku
from parts import free_port, launch, wait_until

# uv compiles the locks; without one on PATH, bin/lock would get it from PyPI each time.
UV = {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}


# In a diff of the docs: a file, or one of its lines and what is added below it.
EDIT = re.compile(r"^--- (.+)\n|^([- ])(.*\n)((?:\+.*\n)*)", re.MULTILINE)


def blocks(text, language):
    """Return the blocks of code in a language."""
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


def apply(text, locate):
    """Change files by a diff whose lines are each in their file exactly once.

    `locate` returns the path of a file that the diff names.
    """
    for name, mark, line, added in EDIT.findall(text):
        if name:
            path = locate(name)
            continue
        content = f"\n{path.read_text()}"
        assert content.count(f"\n{line}") == 1, f"{path} has not one line {line!r}"
        new = re.sub(r"(?m)^\+", "", added)
        if mark == " ":
            new = line + new
        path.write_text(content.replace(f"\n{line}", f"\n{new}")[1:])


@contextlib.contextmanager
def serving(project, *command, **environ):
    """Run a server until /ready finds nothing amiss, and yield what it has said."""
    port, log = str(free_port()), project / "log"
    env = heroku.shell(PORT=port, PYTHONUNBUFFERED="1", **environ)
    words = [word.format(port) for word in command]
    site = launch(words, log, cwd=project, env=env, start_new_session=True)

    def answers():
        assert site.poll() is None, log.read_text()
        with contextlib.suppress(OSError):
            return urlopen(f"http://127.0.0.1:{port}/ready", timeout=9).status == 200

    try:
        wait_until(answers, 60)
        yield log.read_text()
    finally:
        with contextlib.suppress(ProcessLookupError):  # it has ended by itself
            os.killpg(site.pid, 15)
        site.wait(30)
