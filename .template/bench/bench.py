"""
Compare this project's speed, memory and size with others', side by side on one machine.

Each contender is copied, built with its own requirements, given the pages of overlay/
without a change to its own files, and started on one core as its Procfile says, with
the environment and the request headers of a dyno; wrk asks from the other cores.
All that is made stands in work/, which may be deleted.
"""

import argparse
import contextlib
import dataclasses
import http.client
import json
import os
import platform
import random
import re
import shutil
import signal
import statistics
import subprocess
import sys
import time
from pathlib import Path

import paced
import report

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
WORK = HERE / "work"

sys.path.insert(0, str(HERE.with_name("acceptance")))
import heroku  # noqa: E402
import parts  # noqa: E402

# The first core serves; the others ask, and hold the database.
CORES = sorted(os.sched_getaffinity(0))

# What Heroku's router sends, and a browser behind it. No Accept-Encoding, so that all
# contenders send the same bytes.
HEADERS = {
    "Host": heroku.HOST,
    "User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101",
    "Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
    "Accept-Language": "en-US,en;q=0.5",
    "X-Request-Id": "4d2a1c5e-8f0b-4b43-9a3c-5e6f7a8b9c0d",
    "X-Forwarded-For": "203.0.113.7",
    "X-Forwarded-Proto": "https",
    "X-Forwarded-Port": "443",
    "X-Request-Start": "1700000000000",
    "Via": "1.1 vegur",
}
CONFIG_VARS = {
    "DJANGO_SECRET_KEY": "bench-" + "0123456789abcdef" * 4,
    "EMAIL_URL": "smtp://user:password@mail.example.com",
}
# case: what is asked for, and whether each request brings its own connection
CASES = {
    "stylesheet": ("css", False),
    "stylesheet, close": ("css", True),
    "image": ("image", False),
    "image, close": ("image", True),
    "home page": ("home", False),
    "one-query page": ("query", False),
    "logged-in page": ("user", False),
    "/up": ("up", False),
}
# What an answer must hold, where the page says it.
MARKS = {"home": b"Hello from Django", "query": b"one-row", "user": b"somebody"}


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


# ---------------------------------------------------------------- building contenders


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


# ---------------------------------------------------------------- running and driving


class Dyno:
    """A contender that is up, on the first core, until the `with` block ends."""

    def __init__(self, contender, workers, **config_vars):
        self.contender, self.port = contender, parts.free_port()
        config_vars |= {"PORT": str(self.port), "WEB_CONCURRENCY": str(workers)}
        config_vars = contender.config_vars | config_vars
        self.log = WORK / f"{contender.name}.log"
        started = time.perf_counter()
        # As on a dyno, the log goes into a pipe that somebody else reads.
        self.process = subprocess.Popen(
            ["taskset", "-c", str(CORES[0]), "bash", "-c", contender.web],
            cwd=contender.folder,
            env=heroku.dyno_environment(contender.folder, "web.1", config_vars),
            start_new_session=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        with open(self.log, "wb") as log:
            tail = ["tail", "-c", "20000"]
            self.tail = subprocess.Popen(tail, stdin=self.process.stdout, stdout=log)
        self.process.stdout.close()
        try:
            self.first_200 = self.wait_until_up(started)
        except BaseException:
            self.__exit__()
            raise

    def wait_until_up(self, started):
        """Return after how many seconds the first page came."""
        pages = self.contender.paths
        while True:
            with contextlib.suppress(ConnectionRefusedError):
                self.get("home" if "home" in pages else next(iter(pages)))
                return time.perf_counter() - started
            if self.process.poll() is not None or time.perf_counter() > started + 60:
                self.fail("did not come up")
            time.sleep(0.002)

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        # SIGTERM drains, which takes seconds by design.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self.tail.wait()

    def fail(self, why):
        self.__exit__()
        sys.exit(f"{self.contender.name} {why}; its log ends:\n{self.log.read_text()}")

    def headers(self, page, close=False):
        more = {"Connection": "close"} if close else {}
        if page == "user":
            more["Cookie"] = self.contender.cookie
        return HEADERS | more

    def get(self, page):
        """Ask once; return the size of the answer, or end the run if it is not it."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        with contextlib.closing(connection):
            path = self.contender.paths[page]
            connection.request("GET", path, headers=self.headers(page))
            answer = connection.getresponse()
            body = answer.read()
        if answer.status != 200 or MARKS.get(page, b"") not in body:
            self.fail(f"answered {path} with {answer.status} {body[:300]}")
        return len(body)

    def wrk(self, page, seconds, close=False, connections=8):
        """Drive one page; return wrk's figures. Anything but 200s ends the run."""
        size = self.get(page)
        url = f"http://127.0.0.1:{self.port}{self.contender.paths[page]}"
        command = [
            "wrk",
            "-t1",
            f"-c{connections}",
            f"-d{seconds}s",
            "--timeout",
            "20s",
        ]
        for name, value in self.headers(page, close).items():
            command += ["-H", f"{name}: {value}"]
        before = self.cpu()
        command += ["-s", HERE / "wrk.lua", url]
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
        spent = self.cpu() - before
        figures = json.loads(done.stdout.splitlines()[-1])
        # wrk takes a redirect for success, but a redirect is shorter than the page.
        short = figures["bytes"] < size * figures["requests"]
        if figures["errors"] or short or not figures["requests"]:
            self.fail(f"failed at {page}: {figures}")
        figures["rate"] = figures["requests"] / figures["seconds"]
        figures["cpu_us"] = spent / figures["requests"] * 1e6
        return figures

    def p99(self, page, rate, seconds):
        """Return the 99th percentile in ms of the latency at this rate."""
        lines = [f"GET {self.contender.paths[page]} HTTP/1.1"]
        lines += [f"{name}: {value}" for name, value in self.headers(page).items()]
        request = "\r\n".join([*lines, "", ""]).encode()
        taken = paced.latencies(self.port, request, rate, seconds)
        return taken[int(len(taken) * 0.99)] * 1000

    def processes(self):
        """Return the folders in /proc of all its processes."""
        pgrep = ["pgrep", "-s", str(self.process.pid)]
        done = subprocess.run(pgrep, check=True, stdout=subprocess.PIPE, text=True)
        return [Path("/proc") / pid for pid in done.stdout.split()]

    def cpu(self):
        """Return the CPU time in seconds of its processes and those that have ended."""
        stats = [(p / "stat").read_text().rpartition(")")[2] for p in self.processes()]
        ticks = sum(int(field) for stat in stats for field in stat.split()[11:15])
        return ticks / os.sysconf("SC_CLK_TCK")

    def memory(self):
        """Return the PSS of all its processes in MB."""
        rollups = [(p / "smaps_rollup").read_text() for p in self.processes()]
        return sum(int(re.search(r"^Pss: +(\d+)", r, re.M)[1]) for r in rollups) / 1024


# ---------------------------------------------------------------- what is measured


def throughput(contenders, workers, rounds, seconds):
    """Return {case: {contender: {figure: [one a round]}}}; the first round warms up."""
    cases = {}
    with contextlib.ExitStack() as stack:
        dynos = [stack.enter_context(Dyno(c, workers)) for c in contenders]
        for number in range(rounds):
            say(f"{workers} workers: round {number + 1} of {rounds}")
            for case, (page, close) in CASES.items():
                for dyno in dynos:
                    if page not in dyno.contender.paths:
                        continue
                    figures = dyno.wrk(page, seconds, close)
                    if number == 0 and rounds > 1:
                        continue
                    mine = cases.setdefault(case, {}).setdefault(
                        dyno.contender.name, {}
                    )
                    for figure in ("rate", "cpu_us", "p99_ms"):
                        mine.setdefault(figure, []).append(figures[figure])
    return cases


def latency(contenders, reference, capacity, seconds):
    """Return {contender: {whose capacity: p99 in ms of the home page at 80 %}}."""
    p99 = {}
    for contender in contenders:
        with Dyno(contender, 1) as dyno:
            dyno.wrk("home", 1)
            for whose in dict.fromkeys((contender.name, reference, "ours")):
                rate = 0.8 * capacity[whose]
                if rate < capacity[contender.name]:
                    mine = p99.setdefault(contender.name, {})
                    mine[whose] = dyno.p99("home", rate, seconds)
    return p99


def boot_and_memory(contender, starts, seconds):
    """Return {figure: value} of a contender that is alone on its core."""
    figures = {}
    for workers in (1, 2):
        with Dyno(contender, workers) as dyno:
            for page in contender.paths:
                dyno.wrk(page, seconds)
            figures[f"memory, {workers} workers (MB)"] = dyno.memory()
    boots = []
    for _ in range(starts):
        with Dyno(contender, 2) as dyno:
            boots.append(dyno.first_200)
    figures["first 200 (s)"] = statistics.median(boots)
    return figures


def new_connections(contender, postgres, seconds):
    """Return how many connections to Postgres a dyno opens in steady state."""
    database = contender.folder.name
    sql = f"SELECT sessions FROM pg_stat_database WHERE datname = '{database}'"
    with Dyno(contender, 1) as dyno:
        dyno.wrk("query", 1)
        time.sleep(1.5)  # Postgres tells its statistics once a second
        before = int(postgres.psql(sql))
        requests = dyno.wrk("query", seconds)["requests"]
        time.sleep(1.5)
        return {"requests": requests, "new": int(postgres.psql(sql)) - before}


def growth(ours):
    """Return what speed, boot and memory do as one thing after another grows."""
    rows = []

    def measure(what, size, workers=1, connections=8, **config_vars):
        with Dyno(ours, workers, **config_vars) as dyno:
            row = {"what": what, "size": size, "first 200 (s)": dyno.first_200}
            for page in ("home", "css"):
                figures = dyno.wrk(page, 2, connections=connections)
                row[f"{page} (req/s)"] = figures["rate"]
                row[f"{page} p99 (ms)"] = figures["p99_ms"]
            rows.append(row | {"memory (MB)": dyno.memory()})
        say(f"{what}: {size}")

    for workers in (1, 2, 4):
        measure("workers", workers, workers=workers)
    for threads in (1, 3, 8):
        more = f"--access-logfile - --threads {threads}"
        measure("threads", threads, GUNICORN_CMD_ARGS=more)
    for connections in (1, 100, 1000):
        measure("connections", connections, connections=connections)
    for files in (10, 100, 1000, 10_000):
        overlay(ours, ours, files)
        measure("static files", files)
    return rows


def machine(contenders):
    """Return what the figures depend on: the hardware and the versions."""

    def says(*command):
        done = subprocess.run(command, capture_output=True, text=True)
        return re.search(r"\d+\.[\w.]+", done.stdout + done.stderr)[0]

    cpu = re.search(r"model name\s*: (.+)", Path("/proc/cpuinfo").read_text())
    versions = {"Python": platform.python_version(), "wrk": says("wrk", "-v")}
    versions["nginx"] = says("nginx", "-v")
    versions["PostgreSQL"] = says(parts.need("postgres"), "--version")
    names = "django", "gunicorn", "gunicorn_h1c", "whitenoise", "psycopg"
    for contender in contenders:
        found = packages(contender)
        mine = [f"{name} {found[name]}" for name in names if name in found]
        versions[contender.name] = ", ".join(mine)
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    shape = f"{len(CORES)} cores of {cpu[1] if cpu else platform.machine()}"
    return {
        "machine": f"{shape}, {memory:.0f} GB, Linux {platform.release()}"
    } | versions


def compare(projects, costs, postgres, short):
    """Return every figure of the comparison."""
    rounds, seconds, starts = (1, 1, 1) if short else (4, 2, 3)
    ours, reference = projects["ours"], list(projects)[-1]
    bare = {f"BENCH_{page.upper()}": ours.paths[page] for page in ("css", "image")}
    default = ours.variant("Django's defaults", "user")
    default.cookie = default.places()["cookie"]
    contenders = [
        *projects.values(),
        ours.variant("no middleware", "home"),
        ours.variant("kept for ever", "query"),
        default,
        ours.variant(
            "bare WSGI function",
            *("css", "image", "up"),
            web="gunicorn bench_overlay.bare",
            config_vars=bare,
        ),
        nginx(ours),
    ]
    results = {"reference": reference, "costs": costs, "rates": {}}
    for workers in (1,) if short else (1, 2):
        cases = throughput(contenders, workers, rounds, seconds)
        results["rates"][workers] = cases
    home = results["rates"][1]["home page"]
    capacity = {name: statistics.median(home[name]["rate"]) for name in projects}
    say("p99 at a given rate")
    results["p99"] = latency(projects.values(), reference, capacity, 3 * seconds)
    for name, contender in projects.items():
        say(f"{name}: memory and boot")
        costs[name] |= boot_and_memory(contender, starts, seconds)
    results["new connections"] = new_connections(ours, postgres, seconds)
    return results


def say(text):
    print(f"==> {text}", flush=True)


def main():
    parser = argparse.ArgumentParser(prog="run", description=__doc__)
    parser.add_argument(
        "--short", action="store_true", help="two minutes: does it run?"
    )
    parser.add_argument("--growth", action="store_true", help="of workers, files, ...")
    parser.add_argument("--peer", type=Path, help="a checkout to compare with")
    options = parser.parse_args()
    if len(CORES) < 2:
        sys.exit("Two cores are needed: one to serve, one to ask.")
    os.sched_setaffinity(0, CORES[1:])
    WORK.mkdir(exist_ok=True)

    sources = {"ours": lambda: copy(ROOT, "ours")}
    if not options.growth:
        sources["startproject"] = lambda: startproject(projects["ours"])
        if options.peer:
            peer = options.peer.resolve()
            sources[peer.name] = lambda: copy(peer, peer.name)
    projects, costs = {}, {}
    for name, source in sources.items():
        say(f"{name}: building")
        quick = options.short or options.growth
        projects[name], costs[name] = build(name, source(), quick)
    for contender in projects.values():
        overlay(contender, projects["ours"])

    with parts.Postgres(max_connections=200) as postgres:
        for contender in projects.values():
            prepare(contender, postgres)
        results = {"command": " ".join(["run", *sys.argv[1:]])}
        results["machine"] = machine(projects.values())
        if options.growth:
            results["growth"] = growth(projects["ours"])
        else:
            results |= compare(projects, costs, postgres, options.short)
    kind = "growth" if options.growth else "short" if options.short else "full"
    say(f"see {report.write(results, WORK / kind).relative_to(ROOT)}*")


if __name__ == "__main__":
    main()
