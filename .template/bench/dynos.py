"""
A contender that runs: on one core as its Procfile says, with the environment and the
request headers of a dyno, while wrk asks from the other cores.
"""

import contextlib
import http.client
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

from contenders import HERE, WORK, heroku, parts

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
# What an answer must hold, where the page says it.
MARKS = {"home": b"Hello from Django", "query": b"one-row", "user": b"somebody"}


class Dyno:
    """A contender that is up, on the first core, until the `with` block ends.

    On one core the kernel gives nearly all connections to the same worker, as long as
    that is not busy: with `cores`, it may choose.
    """

    def __init__(self, contender, workers, cores=CORES[:1], **config_vars):
        self.contender, self.port = contender, parts.free_port()
        config_vars |= {"PORT": str(self.port), "WEB_CONCURRENCY": str(workers)}
        config_vars = contender.config_vars | config_vars
        self.log = WORK / f"{contender.name}.log"
        started = time.perf_counter()
        # As on a dyno, the log goes into a pipe that somebody else reads.
        self.process = subprocess.Popen(
            ["taskset", "-c", ",".join(map(str, cores)), "bash", "-c", contender.web],
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

    def wrk(self, page, seconds, close=False):
        """Drive one page; return wrk's figures. Anything but 200s ends the run."""
        size = self.get(page)
        url = f"http://127.0.0.1:{self.port}{self.contender.paths[page]}"
        command = ["wrk", "-t1", "-c8", f"-d{seconds}s", "--timeout", "20s"]
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
