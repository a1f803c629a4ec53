"""What is installed once and kept: Python packages and node_modules for each lock."""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

from parts import need

# One folder for each Python and list of packages.
CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"), "rehearsal")


def shell(**more):
    """Return the environment of a newcomer's shell, and how packages are reached."""
    kept = ("PATH", "HOME", "LANG", "NODE_EXTRA_CA_", "PIP_", "SSL_", "UV_")
    return {k: v for k, v in os.environ.items() if k.startswith(kept)} | more


def capture(command, **options):
    """Run a command; return its result, which has all that it says in `stdout`."""
    both = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    return subprocess.run(command, text=True, **both, **options)


def kept(name, text, make):
    """Return the folder of the cache for a text, which a function fills once."""
    folder = CACHE / f"{name}{hashlib.sha256(text.encode()).hexdigest()[:16]}"
    CACHE.mkdir(parents=True, exist_ok=True)
    with open(f"{folder}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "complete").exists():
            shutil.rmtree(folder, ignore_errors=True)
            make(folder)
            (folder / "complete").touch()
    return folder


def node_modules(name):
    """Return the node_modules of a folder here, installed once for each lock."""
    source = Path(__file__).parent / name

    def install(folder):
        shutil.copytree(source, folder)
        npm = [need("npm"), "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
        subprocess.run(npm, cwd=folder, check=True)

    lock = (source / "package-lock.json").read_text()
    return kept(f"{name}-", lock, install) / "node_modules"


def installed(version, requirements):
    """Return a virtual environment with a list of packages, installed by plain pip.

    The buildpack, too, keeps it from one build to the next while neither changes.
    """
    assert version == "{}.{}".format(*sys.version_info), "not the workshop's Python"

    def install(folder):
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        pip = "bin/python -m pip install --quiet --no-input --disable-pip-version-check"
        command = [*f"{folder}/{pip} -r".split(), requirements.name]
        subprocess.run(command, cwd=requirements.parent, env=shell(), check=True)

    return kept("", f"{version}\n{requirements.read_text()}", install)
