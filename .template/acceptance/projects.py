"""Projects as `startproject` makes them, each ready for bin/check, and their owners."""

import functools
import http.server
import os
import re
import shutil
import sys
import threading
from contextlib import contextmanager

import heroku
from packages import capture

# Who commits: a machine of CI has nobody.
ME = {
    f"GIT_{role}_{what}": value
    for role in ("AUTHOR", "COMMITTER")
    for what, value in (("NAME", "Ada"), ("EMAIL", "ada@example.com"))
}


def run(*command, cwd, **more):
    """Run a command as in an owner's shell and return its result, whatever it is."""
    return capture([*map(str, command)], cwd=cwd, env=heroku.shell(**more))


def call(*command, cwd, **more):
    """Run a command that must succeed and return what it says."""
    result = run(*command, cwd=cwd, **more)
    assert result.returncode == 0, result.stdout
    return result.stdout


def packages(project):
    """Return the environment of requirements-test.txt, made once for all projects."""
    version = (project / ".python-version").read_text().strip()
    return heroku.installed(version, project / "requirements-test.txt")


def start(template, name, folder):
    """Make a project by `startproject` in a folder, and return its own folder."""
    admin = packages(heroku.ROOT) / "bin/django-admin"
    folder.mkdir(parents=True, exist_ok=True)
    words = ("startproject", "--template", template, name)
    call(admin, *words, cwd=folder, PATH="/usr/bin:/bin")
    return folder / name


def link(source, target):
    """Copy a file by a hard link where that is possible; pip never writes to one."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


def install(project):
    """Give a project the environments that bin/install would make, without its minute.

    They have this repository's packages, whatever the project's locks say.
    """
    venv = project / ".venv"
    shutil.rmtree(venv, ignore_errors=True)
    version = (heroku.ROOT / ".python-version").read_text().strip()
    for folder, lock in (
        (venv, "requirements-test.txt"),
        (venv / "production", "requirements.txt"),
    ):
        origin = heroku.installed(version, heroku.ROOT / lock)
        for name in ("bin", "lib"):
            linked = {"symlinks": True, "copy_function": link}
            shutil.copytree(origin / name, folder / name, **linked)
        shutil.copy(origin / "pyvenv.cfg", folder)
        (folder / "bin/activate").unlink()
        (folder / "bin/activate").write_text(f"VIRTUAL_ENV={folder.resolve()}\n")
        shutil.copy(project / lock, folder)
    shutil.copy2(project / "requirements.txt", venv)  # bin/run asks for this one
    return venv / "bin/python"


def archive(repository, path):
    """Build the archive of a repository's HEAD."""
    path.parent.mkdir(parents=True, exist_ok=True)
    call(sys.executable, ".template/build", path, cwd=repository)
    return path


def change(path, *pairs):
    """Replace in a file each first text by the second; all of them must be there."""
    text = path.read_text()
    for before, after in pairs:
        assert before in text, f"{path.name} has no {before!r}"
        text = text.replace(before, after, 1)
    path.write_text(text)


def substitute(path, pattern, new):
    """Replace in a file what a pattern finds; it must find something."""
    text, count = re.subn(pattern, new, path.read_text())
    assert count, f"{path.name} has nothing like {pattern!r}"
    path.write_text(text)


def append(path, text):
    """Add lines at the end of a file, or make it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    before = path.read_text() if path.exists() else ""
    path.write_text(f"{before}\n{text}")


def files(folder):
    """Return the content and the mode of each file, without git's and Python's own."""
    found = {}
    for path in folder.rglob("*"):
        name = path.relative_to(folder)
        if path.is_file() and not {".git", "__pycache__"} & {*name.parts}:
            found[name.as_posix()] = (path.read_bytes(), os.access(path, os.X_OK))
    return found


@contextmanager
def served(folder):
    """Serve a folder on loopback and yield its URL."""
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=folder)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
