"""
The projects that are compared: copied, built with their own requirements, and given the
pages of overlay/ without a change to their own files. All stands in work/, which may be
deleted.
"""

import dataclasses
import json
import os
import random
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
WORK = HERE / "work"

sys.path.insert(0, str(HERE.with_name("acceptance")))
import heroku  # noqa: E402
import parts  # noqa: E402, F401

CONFIG_VARS = {
    "DJANGO_SECRET_KEY": "bench-" + "0123456789abcdef" * 4,
    "EMAIL_URL": "smtp://user:password@mail.example.com",
}


@dataclasses.dataclass
class Contender:
    """One project, or one variant of it: where it is and how it is run."""

    name: str
    folder: Path
    web: str = ""
    config_vars: dict = dataclasses.field(default_factory=CONFIG_VARS.copy)
    paths: dict = dataclasses.field(default_factory=dict)
    cookie: str = ""

    @property
    def venv(self):
        return self.folder / ".heroku/python"

    def variant(self, name, *pages):
        """Return the same project under another name, asked for these pages alone."""
        return dataclasses.replace(
            self,
            name=name,
            config_vars=self.config_vars | {"BENCH_VARIANT": name},
            paths={page: self.paths[page] for page in pages},
        )

    def manage(self, *arguments):
        """Run a command of manage.py; return what it printed."""
        env = heroku.dyno_environment(self.folder, "run.1", self.config_vars)
        command = [self.venv / "bin/python", "manage.py", *arguments]
        done = subprocess.run(
            command, cwd=self.folder, env=env, capture_output=True, text=True
        )
        if done.returncode:
            sys.exit(f"{self.name}: {arguments}:\n{done.stdout}{done.stderr}")
        return done.stdout

    def places(self):
        """Return where its static files are, and the cookie of somebody logged in."""
        return json.loads(self.manage("bench_prepare"))


def copy(source, name):
    """Copy a project into work/, keeping the packages of a build before."""
    folder = WORK / name
    packages = folder.with_name(f"{name}-packages")
    if (folder / ".heroku").exists():
        (folder / ".heroku").replace(packages)
    shutil.rmtree(folder, ignore_errors=True)
    left_out = "__pycache__ .git .venv venv staticfiles media *.sqlite3* work .*_cache"
    shutil.copytree(source, folder, ignore=shutil.ignore_patterns(*left_out.split()))
    if packages.exists():
        packages.replace(folder / ".heroku")
    return folder


def startproject():
    """Make what Django's, WhiteNoise's and dj-database-url's documentation tell."""
    fresh = WORK / "fresh"
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir()
    django = [ROOT / ".venv/bin/python", "-m", "django"]
    subprocess.run([*django, "startproject", "shop", fresh], check=True)
    with open(fresh / "shop/settings.py", "a") as settings:
        settings.write((HERE / "startproject.settings").read_text())
    (fresh / "Procfile").write_text("web: gunicorn shop.wsgi\n")
    names = "django|gunicorn|whitenoise|dj-database-url|psycopg|psycopg-binary"
    pins = re.findall(
        rf"^(?:{names})==[\w.]+", (ROOT / "requirements.txt").read_text(), re.M
    )
    (fresh / "requirements.txt").write_text("\n".join(pins))
    return copy(fresh, "startproject")


def pip(venv, *arguments, **environment):
    command = [sys.executable, "-m", "pip", "--python", venv, *arguments]
    environment = os.environ | {"PIP_DISABLE_PIP_VERSION_CHECK": "1"} | environment
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"pip {arguments}:\n{done.stdout}{done.stderr}")
    return done.stdout


def build(name, folder, quick):
    """Build a project as the buildpack does; return it and what that cost."""
    contender = Contender(name, folder, web=heroku.processes(folder)["web"])
    requirements = folder / "requirements.txt"
    kept = folder / ".heroku/requirements.txt"
    cost = {}
    cache = WORK / "pip-cache"
    shutil.rmtree(cache, ignore_errors=True)
    kinds = ["cold", "warm"]
    if quick:
        kinds = ["warm"]
        if kept.exists() and kept.read_text() == requirements.read_text():
            kinds = []
    for kind in kinds:
        shutil.rmtree(contender.venv, ignore_errors=True)
        venv = [sys.executable, "-m", "venv", "--without-pip", contender.venv]
        subprocess.run(venv, check=True)
        start = time.perf_counter()
        where = {} if quick else {"PIP_CACHE_DIR": str(cache)}
        pip(contender.venv, "install", "-r", requirements, **where)
        contender.manage("collectstatic", "--noinput")
        cost[f"build, {kind} pip cache (s)"] = time.perf_counter() - start
        shutil.copy(requirements, kept)
    cost["installed packages"] = len(packages(contender))
    cost["slug without Python (MB)"] = slug(contender)
    return contender, cost


def packages(contender):
    """Return {name: version} of what is installed."""
    listed = json.loads(pip(contender.venv, "list", "--format=json"))
    return {package["name"].lower(): package["version"] for package in listed}


def slug(contender):
    """Return the compressed size of app and packages in MB, without Python itself."""
    ignored = heroku.read(contender.folder / ".slugignore").split()
    excludes = [f"--exclude=./{pattern.strip('/')}" for pattern in ignored]
    tar = ["tar", "-cz", "-C", contender.folder, *excludes, "."]
    with subprocess.Popen(tar, stdout=subprocess.PIPE) as process:
        chunks = iter(lambda: process.stdout.read(1 << 20), b"")
        return sum(map(len, chunks)) / 1e6


def overlay(contender, ours):
    """Add the benchmark's pages to the copy, and this project's home page to others."""
    target = contender.folder / "bench_overlay"
    shutil.copytree(HERE / "overlay", target, dirs_exist_ok=True)
    static = target / "static/bench"
    static.mkdir(parents=True, exist_ok=True)
    rules = [f".rule-{n} {{ margin: {n}px; color: #123456 }}" for n in range(250)]
    (static / "site.css").write_text("\n".join(rules)[:10_000])
    (static / "image.png").write_bytes(random.Random(1).randbytes(100_000))
    manage = (contender.folder / "manage.py").read_text()
    contender.config_vars |= {
        "BENCH_SETTINGS": re.search(r"""_MODULE["'], ["']([\w.]+)""", manage)[1],
        "DJANGO_SETTINGS_MODULE": "bench_overlay.settings",
    }
    if contender is not ours:
        contender.config_vars["BENCH_HOME"] = str(ours.folder)
    if "psycopg" not in packages(contender):
        pip(contender.venv, "install", "psycopg[binary]")
    contender.manage("collectstatic", "--noinput", "--clear")


def prepare(contender, postgres):
    """Release the contender on a database of its own, and learn its addresses."""
    contender.config_vars["DATABASE_URL"] = postgres.create(contender.folder.name)
    heroku.release(contender.folder, contender.config_vars)
    contender.manage("migrate", "--noinput")
    places = contender.places()
    contender.cookie = places.pop("cookie", "")
    contender.paths = {**places, "query": "/bench/query", "home": "/bench/home"}
    if contender.cookie:
        contender.paths["user"] = "/bench/user"
    if contender.name == "ours":
        contender.paths |= {"home": "/", "up": "/up"}
