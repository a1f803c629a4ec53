"""What is installed once and kept: Python packages and node_modules for each lock."""

import contextlib
import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

from commands import shell, step
from programs import need

# One folder for each Python and list of packages.
CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"), "rehearsal")


def find_python(version):
    """Return a Python of a major version: of pyenv, on PATH, or what uv gets."""
    pyenv = Path.home().glob(f".pyenv/versions/{version}.*/bin/python")
    for python in [*pyenv, shutil.which(f"python{version}")]:
        code = "import sys; print('%d.%d' % sys.version_info[:2])"
        run = python and subprocess.run([python, "-c", code], capture_output=True)
        if run and run.stdout.decode().strip() == version:
            return python
    uv = shutil.which("uv") or Path(sys.executable).parent / "uv"
    found = subprocess.run([uv, "python", "find", version], capture_output=True)
    if found.returncode:
        subprocess.run([uv, "python", "install", version], check=True)
        return find_python(version)
    return found.stdout.decode().strip()


@contextlib.contextmanager
def kept(key):
    """Yield a folder of the cache and whether it is complete; nobody else is at it.

    What is made in it counts as complete once the block ends without an exception.
    """
    CACHE.mkdir(parents=True, exist_ok=True)
    folder = CACHE / key
    with open(f"{folder}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        complete = (folder / "complete").exists()
        if not complete:
            shutil.rmtree(folder, ignore_errors=True)
        yield folder, complete
        (folder / "complete").touch()


def digest(text):
    """Return a short name for a text, which another text has not."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def node_modules(name):
    """Return the node_modules of a folder here, installed once for each lock."""
    source = Path(__file__).parent / name
    key = digest((source / "package-lock.json").read_text())
    with kept(f"{name}-{key}") as (folder, complete):
        if not complete:
            shutil.copytree(source, folder)
            npm = [need("npm"), "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
            subprocess.run(npm, cwd=folder, check=True)
    return folder / "node_modules"


def installed(version, requirements, echo=print):
    """Return a virtual environment with a list of packages, installed by plain pip.

    The buildpack, too, keeps it from one build to the next while neither changes.
    """
    with kept(digest(f"{version}\n{requirements.read_text()}")) as (folder, complete):
        if complete:
            echo("-----> Restoring cache")
            return folder
        make = (find_python(version), "-m", "venv", folder)
        step(f"Installing Python {version}", *make, echo=echo)
        install = f"pip install -r {requirements.name}"
        quiet = ["--quiet", "--no-input", "--disable-pip-version-check"]
        pip = [folder / "bin/python", "-m", *install.split(), *quiet]
        step(install, *pip, echo=echo, cwd=requirements.parent, env=shell())
    return folder
