"""
Heroku, rehearsed on this machine: what a push builds, releases and boots, step by step
as the classic Python buildpack and the dynos do it, each in a clean environment.

https://github.com/heroku/heroku-buildpack-python
"""

import contextlib
import fcntl
import hashlib
import http.client
import os
import re
import shutil
import signal
import ssl
import subprocess
import sys
import time
import uuid
from http.cookies import SimpleCookie
from pathlib import Path
from types import SimpleNamespace

from parts import free_port, need, wait_until

ROOT = Path(__file__).resolve().parents[2]
HOST = "app.herokuapp.com"

# What is installed already, one folder for each Python and list of packages.
CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"), "rehearsal")

# What the classic buildpack's profile sets on a dyno of 512 MB. The Cloud Native one
# has no profile.
PROFILE = {
    "WEB_CONCURRENCY": "2",
    "FORWARDED_ALLOW_IPS": "*",
    "GUNICORN_CMD_ARGS": "--access-logfile -",
}

PACKAGE_LISTS = (
    "Pipfile.lock",
    "Pipfile",
    "requirements.txt",
    "poetry.lock",
    "uv.lock",
)


class Refused(Exception):
    """A build or a release that failed: what was live stays live."""


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


def environment(home, **more):
    """Return the whole environment of a process in a slug: nothing of this machine."""
    path = f"{home}/.heroku/python/bin:/usr/local/bin:/usr/bin:/bin"
    return {"PATH": path, "HOME": str(home), "LANG": "C.UTF-8", **more}


def shell(**more):
    """Return the environment of a newcomer's shell, and how packages are reached."""
    kept = ("PATH", "HOME", "LANG", "NODE_EXTRA_CA_", "PIP_", "SSL_", "UV_")
    return {k: v for k, v in os.environ.items() if k.startswith(kept)} | more


def step(text, *command, echo=print, **options):
    """Say what is done, run a command with its output indented, or raise Refused."""
    echo(f"-----> {text}")
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    with subprocess.Popen([*map(str, command)], **pipes, **options) as process:
        for line in process.stdout:
            echo(f"       {line.rstrip()}")
    if process.returncode:
        raise Refused(f"{text}: exit status {process.returncode}")


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


def node_modules(name):
    """Return the node_modules of a folder here, installed once for each lock."""
    source = Path(__file__).parent / name
    key = hashlib.sha256((source / "package-lock.json").read_bytes()).hexdigest()
    folder = CACHE / f"{name}-{key[:16]}"
    if not (folder / "complete").exists():
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(source, folder)
        npm = [need("npm"), "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
        subprocess.run(npm, cwd=folder, check=True)
        (folder / "complete").touch()
    return folder / "node_modules"


def installed(version, requirements, echo=print):
    """Return a virtual environment with a list of packages, installed by plain pip.

    The buildpack, too, keeps it from one build to the next while neither changes.
    """
    key = hashlib.sha256(f"{version}\n{requirements.read_text()}".encode()).hexdigest()
    folder = CACHE / key[:16]
    CACHE.mkdir(parents=True, exist_ok=True)
    with open(f"{folder}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if (folder / "complete").exists():
            echo("-----> Restoring cache")
            return folder
        shutil.rmtree(folder, ignore_errors=True)
        make = (find_python(version), "-m", "venv", folder)
        step(f"Installing Python {version}", *make, echo=echo)
        install = f"pip install -r {requirements.name}"
        quiet = ["--quiet", "--no-input", "--disable-pip-version-check"]
        pip = [folder / "bin/python", "-m", *install.split(), *quiet]
        step(install, *pip, echo=echo, cwd=requirements.parent, env=shell())
        (folder / "complete").touch()
    return folder


def build(source, slug, config_vars, echo=print):
    """Make a slug of a source folder, or raise Refused.

    `config_vars` are the app's; `echo` is given each line that the pusher would see.
    As on the platform, the folder of the build is not the one that dynos run in.
    """
    folder = slug.with_name(f"build_{slug.name}")
    no_git = shutil.ignore_patterns(".git")
    shutil.copytree(source, folder, symlinks=True, ignore=no_git)
    for pattern in read(folder / ".slugignore").split():
        find = folder.glob if pattern.startswith("/") else folder.rglob
        for path in [*find(pattern.strip("/"))]:
            shutil.rmtree(path) if path.is_dir() else path.unlink()
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


def release(slug, config_vars, echo=print):
    """Run the Procfile's release command, or raise Refused."""
    if command := processes(slug).get("release"):
        env = dyno_environment(slug, "release.1234", config_vars)
        shell = ("/bin/bash", "-c", command)
        step("Running release command...", *shell, echo=echo, cwd=slug, env=env)


def read(path):
    """Return the text of a file, empty where there is none."""
    return path.read_text() if path.is_file() else ""


def processes(slug):
    """Return the Procfile's commands by process type."""
    return dict(re.findall(r"^([\w-]+): *(.+)$", read(slug / "Procfile"), re.MULTILINE))


def dyno_environment(slug, name, config_vars, profile=PROFILE):
    """Return the environment of a dyno of 512 MB, by the buildpack's profile."""
    always = {"DYNO": name, "PYTHONUNBUFFERED": "true"}
    return environment(slug, **always | profile | config_vars)


class Dyno:
    """A running process type of a slug, with its log in a file; a context manager."""

    profile = PROFILE

    def __init__(self, slug, config_vars, name="web.1", command=None, **more):
        self.name, self.port = name, free_port()
        process_type = name.partition(".")[0]
        self.command = command or processes(slug)[process_type]
        self.log_path = Path(f"{slug}.{name}.{self.port}.log")
        env = dyno_environment(slug, name, config_vars, self.profile)
        if process_type == "web":
            env["PORT"] = str(self.port)
        with self.log_path.open("w") as log:
            self.process = subprocess.Popen(
                ["/bin/bash", "-c", self.command],
                cwd=slug,
                env=env | more,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def log(self):
        """Its whole lines; the last one may just be being written."""
        text = self.log_path.read_text()
        return text[: text.rfind("\n") + 1]

    def wait_until_up(self, seconds=60):
        """Return once /up answers: R10 after 60 s, or when the process has ended."""

        def is_up():
            if self.process.poll() is not None:
                raise RuntimeError(f"{self.name} ended:\n{self.log}")
            with contextlib.suppress(OSError, http.client.HTTPException):
                return Client(self.port).get("/up").status == 200

        wait_until(is_up, seconds)
        return self

    def signal(self, number):
        """Signal every process of the dyno, as Heroku does, not the first one alone."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, number)

    def is_alive(self):
        """Say whether any process of the dyno is left."""
        self.process.poll()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, 0)
            return True
        return False

    def stop(self, seconds=30):
        """SIGTERM, perhaps twice, then SIGKILL: return how long it took in seconds.

        Where it had to be killed (R12), that is `seconds` or more.
        """
        start = time.monotonic()
        self.signal(signal.SIGTERM)
        self.signal(signal.SIGTERM)
        try:
            wait_until(lambda: not self.is_alive(), seconds)
        except TimeoutError:
            self.signal(signal.SIGKILL)
        self.process.wait()
        return time.monotonic() - start

    def __enter__(self):
        return self.wait_until_up() if self.name.startswith("web.") else self

    def __exit__(self, *_):
        self.signal(signal.SIGKILL)
        self.process.wait()


def run(slug, config_vars, command, **more):
    """Do as `heroku run` does: return the output of a command, or raise Refused."""
    lines = []
    env = dyno_environment(slug, "run.1", config_vars) | more
    shell = ("/bin/bash", "-c", command)
    try:
        step(command, *shell, echo=lines.append, cwd=slug, env=env)
    except Refused as refused:
        raise Refused("\n".join(lines)) from refused
    return "\n".join(line.strip() for line in lines[1:])


class Client:
    """Sends requests one after another on one connection, and keeps cookies.

    To a dyno it sends what the router would add; with `certificate`, the file of the
    router's own, it is a visitor on HTTPS, and with `visitor` one on plain HTTP.
    """

    def __init__(self, port, certificate=None, visitor=False, host=HOST):
        self.port, self.host, self.cookies = port, host, SimpleCookie()
        self.visitor = visitor or certificate
        if certificate:
            context = ssl.create_default_context(cafile=certificate)
            self.connection = http.client.HTTPSConnection(
                "127.0.0.1", port, timeout=35, context=context
            )
        else:
            self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=35)

    def request(self, method, path, body=None, **headers):
        """Send it and return status, headers, body, text; X_Name= is the header X-Name.

        A header whose value is None is left out.
        """
        sent = {"Host": self.host, "Accept-Encoding": "identity"}
        if not self.visitor:
            sent |= {
                "X-Forwarded-For": "203.0.113.7",
                "X-Forwarded-Proto": "https",
                "X-Forwarded-Port": "443",
                "X-Request-Id": str(uuid.uuid4()),
                "X-Request-Start": str(int(time.time() * 1000)),
                "Via": "1.1 vegur",
            }
        if self.cookies:
            pairs = (f"{name}={m.value}" for name, m in self.cookies.items())
            sent["Cookie"] = "; ".join(pairs)
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        sent = {name: value for name, value in sent.items() if value is not None}
        self.connection.request(method, path, body, sent)
        answer = self.connection.getresponse()
        content = answer.read()
        for cookie in answer.headers.get_all("Set-Cookie", []):
            self.cookies.load(cookie)
        text = content.decode(errors="replace")
        status, headers = answer.status, answer.headers
        return SimpleNamespace(status=status, headers=headers, body=content, text=text)

    def get(self, path, **headers):
        return self.request("GET", path, **headers)

    def post(self, path, form, **headers):
        """Send a form, given as its encoded text."""
        headers = {"Content_Type": "application/x-www-form-urlencoded"} | headers
        return self.request("POST", path, form, **headers)

    def __del__(self):
        self.connection.close()
