"""The scripts in bin/ as an owner runs them."""

import contextlib
import os
import shutil
import subprocess
from urllib.request import urlopen

import heroku
from parts import free_port, wait_until
from projects import install


def installed(source, folder):
    """Copy a repository into a folder, with a .venv that is installed already."""
    shutil.copytree(source, folder)
    install(folder)
    shutil.copy2(folder / "requirements.txt", folder / ".venv")
    return folder


def refused(project, *command, **environ):
    """Run what must fail, and return what it says."""
    env = heroku.shell(PORT=str(free_port()), **environ)
    run = subprocess.run(
        command, cwd=project, env=env, capture_output=True, text=True, timeout=100
    )
    assert run.returncode, run.stdout
    said = run.stdout + run.stderr
    assert "Traceback" not in said, said
    return said


@contextlib.contextmanager
def serving(project, *command, **environ):
    """Run a server until it answers, and yield its port and a reader of its log."""
    port, log = str(free_port()), project / "log"
    env = heroku.shell(PORT=port, PYTHONUNBUFFERED="1", **environ)
    with log.open("w") as file:
        words = [word.format(port) for word in command]
        site = subprocess.Popen(
            words,
            cwd=project,
            env=env,
            stdout=file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

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


POWERSHELL = [
    "A=1\r\n".encode("utf-16"),
    b"A=1\n" + "B=2\r\n".encode("utf-16-le"),  # >> adds no byte order mark
    "\ufeffA=1\r\n".encode("utf-16-be"),
]
