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
import parts  # noqa: E402

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

    def variant(self, name, *pages, **changes):
        """Return the same project under another name, asked for these pages alone."""
        config_vars = changes.pop("config_vars", {"BENCH_VARIANT": name})
        changes["config_vars"] = self.config_vars | config_vars
        changes["paths"] = {page: self.paths[page] for page in pages}
        return dataclasses.replace(self, name=name, **changes)

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


def startproject(ours):
    """Make what Django's, WhiteNoise's and dj-database-url's documentation tell."""
    fresh = WORK / "fresh"
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir()
    admin = [ours.venv / "bin/python", "-m", "django", "startproject", "shop", fresh]
    subprocess.run(admin, check=True)
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


def build(name, folder, short):
    """Build a project as the buildpack does; return it and what that cost."""
    contender = Contender(name, folder, web=heroku.processes(folder)["web"])
    requirements, kept = (
        folder / "requirements.txt",
        folder / ".heroku/requirements.txt",
    )
    cost, cache = {}, WORK / "pip-cache"
    shutil.rmtree(cache, ignore_errors=True)
    known = short and kept.exists() and kept.read_text() == requirements.read_text()
    for kind in () if known else ("warm",) if short else ("cold", "warm"):
        shutil.rmtree(contender.venv, ignore_errors=True)
        venv = [sys.executable, "-m", "venv", "--without-pip", contender.venv]
        subprocess.run(venv, check=True)
        start = time.perf_counter()
        where = {} if short else {"PIP_CACHE_DIR": str(cache)}
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


def overlay(contender, ours, files=0):
    """Add the benchmark's pages to the copy, and this project's home page to others."""
    target = contender.folder / "bench_overlay"
    shutil.copytree(HERE / "overlay", target, dirs_exist_ok=True)
    static = target / "static/bench"
    (static / "many").mkdir(parents=True, exist_ok=True)
    css = "".join(
        f".rule-{n} {{ margin: {n}px; color: #123456 }}\n" for n in range(250)
    )
    (static / "site.css").write_text(css[:10_000])
    (static / "image.png").write_bytes(random.Random(1).randbytes(100_000))
    for number in range(files):
        (static / f"many/{number}.css").write_text(f"/* {number} */ {css[:2000]}")
    manage = (contender.folder / "manage.py").read_text()
    contender.config_vars |= {
        "BENCH_SETTINGS": re.search(r"""_MODULE["'], ["']([\w.]+)""", manage)[1],
        "DJANGO_SETTINGS_MODULE": "bench_overlay.settings",
    }
    if contender is not ours and contender.name != "ours":
        contender.config_vars["BENCH_HOME"] = str(ours.folder)
    if "psycopg" not in packages(contender):
        pip(contender.venv, "install", "psycopg[binary]")
    contender.manage("collectstatic", "--noinput", "--clear")


def prepare(contender, postgres):
    """Release the contender on a database of its own, and learn its addresses."""
    contender.config_vars["DATABASE_URL"] = postgres.create(contender.folder.name)
    heroku.release(contender.folder, contender.config_vars, echo=lambda line: None)
    contender.manage("migrate", "--noinput")
    places = contender.places()
    contender.cookie = places.pop("cookie", "")
    contender.paths = {**places, "query": "/bench/query", "home": "/bench/home"}
    if contender.cookie:
        contender.paths["user"] = "/bench/user"
    if contender.name == "ours":
        contender.paths |= {"home": "/", "up": "/up"}


def nginx(ours):
    """Return nginx serving this project's static files, as the machine's limit."""
    folder = WORK / "nginx"
    folder.mkdir(exist_ok=True)
    text = (HERE / "nginx.conf").read_text().replace("ROOT", str(ours.folder))
    user = "user root;\n" if os.geteuid() == 0 else ""
    (folder / "template").write_text(user + text)
    start = f"exec {parts.need('nginx')} -p . -c conf -e stderr"
    command = f"sed s/PORT/$PORT/ template >conf && {start}"
    paths = {page: ours.paths[page] for page in ("css", "image")}
    return Contender("nginx", folder, command, paths=paths)
