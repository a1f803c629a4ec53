"""The formation of a grown site, of real parts, and the traffic of its visitors."""

import http.client
import json
import shutil
import signal
import ssl
import threading
import time
import uuid
from contextlib import ExitStack, contextmanager
from pathlib import Path

import heroku
import parts
from parts import wait_until

CONNECTION_LIMIT = 40  # of the plan that docs/growing.md names for three dynos

# What is asked for in turn, and how: two pages that need no database, two that do.
REQUESTS = {
    "page": ("GET", "/"),
    "data": ("GET", "/rehearsal/data"),
    "static": ("GET", None),
    "cached": ("GET", "/rehearsal/cached?key=traffic"),
    "read": ("GET", "/rehearsal/data"),
    "write": ("POST", "/rehearsal/write?name="),
}
OF_THE_DATABASE = ("data", "read", "write")


class Router(parts.HAProxy):
    """Has room for two generations, each dyno with a place in the old and the new."""

    slots = 16


class Formation:
    """A site with its add-ons, dynos and router; each dyno has a folder of its own."""

    def __init__(self, folder, source, secret_key):
        self.folder = folder
        self.count = 0
        self.web, self.workers = [], []
        self.source = folder / "source"
        shutil.copytree(source, self.source)
        rehearsal = Path(__file__).parent / "rehearsal"
        shutil.copytree(rehearsal, self.source / "rehearsal")
        self.config_vars = {
            "DJANGO_SETTINGS_MODULE": "rehearsal.settings",
            "DJANGO_SECRET_KEY": secret_key,
            "EMAIL_URL": "smtp://127.0.0.1:1",
        }

    def __enter__(self):
        with ExitStack() as stack:
            self.postgres = stack.enter_context(parts.Postgres())
            self.redis = stack.enter_context(parts.Redis())
            self.router = stack.enter_context(Router())
            stack.callback(self.kill)
            limit = f"ALTER ROLE dyno CONNECTION LIMIT {CONNECTION_LIMIT}"
            self.postgres.psql(limit)
            self.config_vars["DATABASE_URL"] = self.postgres.create("site")
            self.config_vars["REDIS_URL"] = self.redis.url
            self.slug = heroku.build(self.source, self.folder / "v1", self.config_vars)
            heroku.release(self.slug, self.config_vars)
            self.add_web(3)
            self.add_workers(2)
            self.stack = stack.pop_all()
        return self

    def __exit__(self, *_):
        self.stack.close()

    def kill(self):
        for dyno in [*self.web, *self.workers]:
            dyno.__exit__()

    def boot(self, name, **more):
        self.count += 1
        slug = self.folder / f"{name}{self.count}"
        shutil.copytree(self.slug, slug, symlinks=True)
        number = f"{name}.{self.count}"
        return heroku.Dyno(slug, self.config_vars | more, number)

    def add_web(self, count, **more):
        """Start web dynos; they get requests once they listen."""
        new = [self.boot("web", **more) for _ in range(count)]
        self.web += new
        for dyno in new:
            dyno.wait_until_up()
        self.route()

    def route(self):
        self.router.route([dyno.port for dyno in self.web])

    def remove_web(self, dynos):
        """Stop them; the router learns of it a moment later."""
        for dyno in dynos:
            dyno.signal(signal.SIGTERM)
        time.sleep(1)
        self.web = [dyno for dyno in self.web if dyno not in dynos]
        self.route()
        stop(dynos)

    def restart_web(self, **more):
        """Replace every web dyno, as a release does: for a while there are both."""
        old = list(self.web)
        self.add_web(len(old), **more)
        self.remove_web(old)

    def add_workers(self, count):
        self.workers += [self.boot("worker") for _ in range(count)]

    def remove_workers(self, dynos):
        self.workers = [dyno for dyno in self.workers if dyno not in dynos]
        stop(dynos)

    def restart_workers(self):
        old = list(self.workers)
        self.add_workers(len(old))
        self.remove_workers(old)

    def logs(self):
        return "".join(path.read_text() for path in self.folder.glob("*.log"))

    def connection(self):
        certificate = ssl.create_default_context(cafile=self.router.certificate)
        return http.client.HTTPSConnection(
            "127.0.0.1", self.router.tls_port, timeout=35, context=certificate
        )

    def visitor(self):
        return heroku.Client(self.router.tls_port, self.router.certificate)

    def get(self, path, method="GET", body=None, **headers):
        """Send one request through the router, on a connection of its own."""
        return self.visitor().request(method, path, body, **headers)

    def json(self, path):
        return json.loads(self.get(path).text)

    def enqueue(self, name, seconds=0):
        """Have a worker record a name, wait so long, and record it again."""
        path = f"/rehearsal/enqueue?name={name}&seconds={seconds}"
        answer = self.get(path, "POST")
        assert answer.status == 201, answer.text
        return answer.text

    def sql(self, query):
        """Return the rows of a query as text, asked by the owner of the server."""
        return self.postgres.psql(query, "site").splitlines()

    def recorded(self, name):
        """Return how often a name was recorded: at begin or end of a task."""
        where = f"name LIKE '{name}%'"
        return int(self.sql(f"SELECT count(*) FROM auth_group WHERE {where}")[0])

    def unfinished(self):
        """Return the workers of the tasks that have not ended, the last one of each."""
        return self.sql(
            "SELECT worker_ids ->> -1 FROM django_tasks_database_dbtaskresult"
            " WHERE status IN ('READY', 'RUNNING')"
        )

    def busy_worker(self):
        [worker_id] = self.unfinished()
        name = worker_id.rpartition("-")[0]
        return next(dyno for dyno in self.workers if dyno.name == name)

    def connections(self):
        query = "SELECT count(*) FROM pg_stat_activity WHERE usename = 'dyno'"
        return int(self.postgres.psql(query))

    def cut_connections(self):
        """End every connection that the site has."""
        self.postgres.psql(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE usename = 'dyno'"
        )


def stop(dynos):
    """Stop dynos at the same time, as Heroku does."""
    threads = [threading.Thread(target=dyno.stop) for dyno in dynos]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


class Traffic:
    """Steady requests through the router, 40 a second, on connections that are kept."""

    def __init__(self, formation, threads=4, every=0.1):
        self.formation, self.every = formation, every
        self.answers, self.written, self.begun = [], [], [0.0] * threads
        self.stopped = threading.Event()
        home = formation.get("/").text
        self.style = home[home.index("/static/") :].partition('"')[0]
        self.threads = [
            threading.Thread(target=self.run, args=(n,)) for n in range(threads)
        ]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stopped.set()
        for thread in self.threads:
            thread.join()

    def run(self, number):
        connection, turn = self.formation.connection(), number
        while not self.stopped.wait(self.every):
            turn += 1
            kind, (method, path) = list(REQUESTS.items())[turn % len(REQUESTS)]
            name = f"written-{uuid.uuid4()}"
            path = {"static": self.style, "write": f"{path}{name}"}.get(kind, path)
            started = self.begun[number] = time.monotonic()
            try:
                connection.request(method, path, headers={"Host": heroku.HOST})
                response = connection.getresponse()
                response.read()
                status, retry_after = response.status, response.headers["Retry-After"]
            except (OSError, http.client.HTTPException):
                status, retry_after = 0, None
                connection.close()
            if status == 201:
                self.written.append(name)
            answer = Answer(kind, started, time.monotonic(), status, retry_after)
            self.answers.append(answer)
        connection.close()

    @contextmanager
    def watch(self):
        """Yield what visitors see in this block; complete once the block has ended."""
        seen = Seen(time.monotonic())
        yield seen
        ended = time.monotonic()
        wait_until(lambda: min(self.begun) > ended)  # what was under way is answered
        seen.answers = [a for a in self.answers if seen.started < a.started < ended]

    def lost(self):
        """Return what was acknowledged and is not there."""
        return set(self.written) - set(
            self.formation.sql("SELECT name FROM auth_group")
        )


class Answer:
    """What one request got."""

    def __init__(self, kind, started, ended, status, retry_after):
        self.kind, self.started, self.ended = kind, started, ended
        self.status, self.seconds = status, ended - started
        self.good = status in (200, 201)
        # What a page that needs the database says without it.
        self.unavailable = bool(
            status == 503 and retry_after and kind in OF_THE_DATABASE
        )

    def __repr__(self):
        return f"{self.kind}: {self.status} after {self.seconds:.2f} s"


class Seen:
    """What visitors saw while something happened."""

    def __init__(self, started):
        self.started = self.mended = started
        self.answers = []

    def mend(self):
        """Say that the part is back: the time to recover begins here."""
        self.mended = time.monotonic()

    @property
    def unavailable(self):
        return [answer for answer in self.answers if answer.unavailable]

    @property
    def failed(self):
        return [a for a in self.answers if not (a.good or a.unavailable)]

    @property
    def slowest(self):
        return max(answer.seconds for answer in self.answers)

    @property
    def recovery(self):
        """Seconds from the part's return to the last answer that was not good."""
        bad = [a.ended - self.mended for a in self.answers if not a.good]
        return max([0.0, *bad])


def children(dyno):
    """Return the processes that the first process of a dyno has made."""
    pid = dyno.process.pid
    return [
        int(n) for n in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    ]
