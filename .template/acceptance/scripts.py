"""The scripts in bin/ and the blocks in docs/ as an owner runs them."""

import contextlib
import os
import re
import subprocess
import sys
from pathlib import Path
from urllib.request import urlopen

import heroku
from parts import free_port, wait_until
from projects import run

# uv compiles the locks; without one on PATH, bin/lock would get it from PyPI each time.
UV = {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}


def blocks(text, language):
    """Return the blocks of code in a language."""
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


def refused(project, *command, **environ):
    """Run what must fail, and return what it says."""
    environ["PORT"] = str(free_port())
    result = run("timeout", "100", *command, cwd=project, **environ)
    assert result.returncode not in (0, 124), result.stdout
    assert "Traceback" not in result.stdout, result.stdout
    return result.stdout


@contextlib.contextmanager
def serving(project, *command, **environ):
    """Run a server until /ready finds nothing amiss, and yield what it has said."""
    port, log = str(free_port()), project / "log"
    env = heroku.shell(PORT=port, PYTHONUNBUFFERED="1", **environ)
    words = [word.format(port) for word in command]
    options = {"cwd": project, "env": env, "start_new_session": True}
    with log.open("w") as file:
        output = {"stdout": file, "stderr": subprocess.STDOUT}
        site = subprocess.Popen(words, **options, **output)

    def answers():
        assert site.poll() is None, log.read_text()
        with contextlib.suppress(OSError):
            return urlopen(f"http://127.0.0.1:{port}/ready", timeout=9).status == 200

    try:
        wait_until(answers, 60)
        yield log.read_text()
    finally:
        os.killpg(site.pid, 15)
        site.wait(30)
