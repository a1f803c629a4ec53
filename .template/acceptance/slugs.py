"""Slugs: what a push builds, as the classic Python buildpack does it.

https://github.com/heroku/heroku-buildpack-python
"""

import re
import shutil
import subprocess
import uuid
from pathlib import Path

from commands import Refused, environment, step
from packages import installed

ROOT = Path(__file__).resolve().parents[2]

PACKAGE_LISTS = (
    "Pipfile.lock",
    "Pipfile",
    "requirements.txt",
    "poetry.lock",
    "uv.lock",
)


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


def build(source, slug, config_vars, echo=print):
    """Make a slug of a source folder, or raise Refused.

    `config_vars` are the app's; `echo` is given each line that the pusher would see.
    As on the platform, the folder of the build is not the one that dynos run in.
    """
    folder = slug.with_name(f"build_{slug.name}")
    no_git = shutil.ignore_patterns(".git")
    shutil.copytree(source, folder, symlinks=True, ignore=no_git)
    lists = [name for name in PACKAGE_LISTS if (folder / name).is_file()]
    if lists != ["requirements.txt"]:
        raise Refused(f"not exactly requirements.txt lists the packages: {lists}")
    for name in ("venv", ".venv"):
        if (folder / name / "pyvenv.cfg").exists():
            raise Refused(f"Existing '{name}/' directory found.")
    version = read(folder / "runtime.txt").strip().removeprefix("python-")
    version = version or read(folder / ".python-version").strip()
    if not re.fullmatch(r"3\.\d+", version):
        raise Refused(f"not a major version of Python: {version}")
    echo(f"-----> Using Python {version}")
    python = folder / ".heroku/python"
    python.parent.mkdir()
    python.symlink_to(installed(version, folder / "requirements.txt", echo))
    if config_vars.get("DISABLE_COLLECTSTATIC", "0") == "0":
        told = {"DYNO": "run.1", "STACK": "heroku-24", "SOURCE_VERSION": "0" * 40}
        told |= {"REQUEST_ID": str(uuid.uuid4()), "PYTHONUNBUFFERED": "1"}
        collect = "python manage.py collectstatic --noinput"
        env = environment(folder, **told, **config_vars)
        command = (*collect.split(), "--traceback")
        step(f"$ {collect}", *command, echo=echo, cwd=folder, env=env)
    return folder.rename(slug)


def read(path):
    """Return the text of a file, empty where there is none."""
    return path.read_text() if path.is_file() else ""


def processes(slug):
    """Return the Procfile's commands by process type."""
    return dict(re.findall(r"^([\w-]+): *(.+)$", read(slug / "Procfile"), re.MULTILINE))
