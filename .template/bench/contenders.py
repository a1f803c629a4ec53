"""The projects that are compared, and their dynos. run puts acceptance/ on the path."""

import json
import random
import re
import shutil
import subprocess
from pathlib import Path

import heroku
from project import Project

HERE = Path(__file__).resolve().parent

# What Heroku's router sends. No Accept-Encoding, so that all send the same bytes.
HEADERS = {
    "Host": heroku.HOST,
    "User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101",
    "X-Request-Id": "4d2a1c5e-8f0b-4b43-9a3c-5e6f7a8b9c0d",
    "X-Forwarded-For": "203.0.113.7",
    "X-Forwarded-Proto": "https",
    "X-Forwarded-Port": "443",
    "X-Request-Start": "1700000000000",
    "Via": "1.1 vegur",
}
ROW = """
    CREATE TABLE bench_row (id integer PRIMARY KEY, word text NOT NULL);
    INSERT INTO bench_row VALUES (1, 'one-row');
    GRANT SELECT ON bench_row TO dyno
"""


class Contender(Project):
    """A project with the pages of overlay/, released on a database of its own.

    A peer shows the home page of this project, whose folder is `home`, and has the same
    Python.
    """

    def __init__(self, source, folder, postgres, home=None):
        super().__init__(source, folder, DJANGO_SECRET_KEY="0123456789abcdef" * 4)
        self.name = folder.name
        shutil.copytree(HERE / "overlay", self.folder / "bench_overlay")
        style = "p { color: #123456 }\n" * 500
        self.write("bench_overlay/static/bench/site.css", style[:10_000])
        image = random.Random(1).randbytes(100_000)
        self.write("bench_overlay/static/bench/image.png", image)
        requirements = heroku.read(self.folder / "requirements.txt")
        if not re.search("^psycopg", requirements, re.MULTILINE):
            self.append("requirements.txt", "\npsycopg[binary]\n")
        manage = heroku.read(self.folder / "manage.py")
        self.config_vars |= {
            "BENCH_SETTINGS": re.search(r"_MODULE., .([\w.]+)", manage)[1],
            "DJANGO_SETTINGS_MODULE": "bench_overlay.settings",
            "EMAIL_URL": "smtp://user:password@mail.example.com",
            "DATABASE_URL": postgres.create(self.name),
        }
        if home:
            self.config_vars["BENCH_HOME"] = str(home)
            self.write(".python-version", heroku.read(home / ".python-version"))
        self.build().release()
        postgres.psql(ROW, self.name)

    def pages(self):
        """Return the path of each page by name, and what its answer must hold."""
        manifest = json.loads(heroku.read(self.slug / "staticfiles/staticfiles.json"))
        static = {k: f"/static/{name}" for k, name in manifest["paths"].items()}
        return {
            "stylesheet": (static["bench/site.css"], "#123456"),
            "image": (static["bench/image.png"], ""),
            "home page": ("/bench/home", "Hello from Django"),
            "one-query page": ("/bench/query", "one-row"),
        }


class Dyno(heroku.Dyno):
    """A contender that runs with two workers: on one core, if that is named."""

    def __init__(self, contender, core=None, **config_vars):
        self.contender = contender
        command = heroku.processes(contender.slug)["web"]
        if core is not None:
            command = f"taskset -c {core} {command}"
        config_vars = contender.config_vars | config_vars
        super().__init__(contender.slug, config_vars, command=command)

    def wrk(self, page, seconds):
        """Drive one page; return the figures. Anything but its 200s ends the run."""
        path, mark = self.contender.pages()[page]
        answer = heroku.Client(self.port).get(path)
        if answer.status != 200 or mark not in answer.text:
            self.fail(f"{path}: {answer.status} {answer.text[:300]}")
        command = ["wrk", "-t1", "-c8", f"-d{seconds}s", "--timeout", "20s"]
        for name, value in HEADERS.items():
            command += ["-H", f"{name}: {value}"]
        command += ["-s", HERE / "wrk.lua", f"http://127.0.0.1:{self.port}{path}"]
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
        figures = json.loads(done.stdout.splitlines()[-1])
        # wrk takes a redirect for success, but a redirect is shorter than the page.
        short = figures["bytes"] < len(answer.body) * figures["requests"]
        if figures["errors"] or short:
            self.fail(f"{path}: {figures}")
        rate = figures["requests"] / figures["seconds"]
        return figures | {"rate": rate, "memory": self.memory()}

    def fail(self, why):
        raise RuntimeError(f"{self.contender.name}: {why}\n{self.log[-2000:]}")

    def memory(self):
        """Return the PSS of all its processes in MB."""
        pgrep = ["pgrep", "-s", str(self.process.pid)]
        done = subprocess.run(pgrep, check=True, stdout=subprocess.PIPE, text=True)
        total = 0
        for pid in done.stdout.split():
            rollup = heroku.read(Path("/proc", pid, "smaps_rollup"))
            total += int(re.search(r"^Pss: +(\d+)", rollup, re.MULTILINE)[1])
        return total / 1024
