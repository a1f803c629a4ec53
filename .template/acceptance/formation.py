"""The formation of a grown site, of real parts, and the traffic of its visitors."""

import json
import shutil
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import heroku
import parts
from project import Project

CONNECTION_LIMIT = 40  # of the plan that docs/growing.md names for three dynos


class Formation:
    """A site with its add-ons, dynos and router; each dyno has a folder of its own."""

    def __init__(self, folder, source, secret_key):
        self.folder = folder
        self.count = 0
        self.web, self.workers = [], []
        project = Project(source, folder, DJANGO_SECRET_KEY=secret_key)
        self.source = project.add_rehearsal().folder
        self.config_vars = project.config_vars | {"EMAIL_URL": "smtp://127.0.0.1:1"}

    def __enter__(self):
        with ExitStack() as stack:
            self.postgres = stack.enter_context(parts.Postgres())
            self.redis = stack.enter_context(parts.Redis())
            self.router = stack.enter_context(parts.HAProxy())
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
        return self.visitor().connection

    def visitor(self):
        return heroku.Client(self.router.tls_port, self.router.certificate)

    def get(self, path, method="GET", body=None, **headers):
        """Send one request through the router, on a connection of its own."""
        return self.visitor().request(method, path, body, **headers)

    def ask_at_once(self, path, count):
        """Send requests at once; return the list that their statuses come into."""
        statuses = []

        def ask():
            statuses.append(self.get(path).status)

        for _ in range(count):
            threading.Thread(target=ask).start()
        return statuses

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


def stop(dynos):
    """Stop dynos at the same time, as Heroku does."""
    with ThreadPoolExecutor() as threads:
        list(threads.map(heroku.Dyno.stop, dynos))
