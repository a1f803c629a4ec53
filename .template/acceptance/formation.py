"""A grown site: three web dynos and two workers behind the router."""

import json
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import heroku
from parts import wait_until

CONNECTION_LIMIT = 40  # of the plan that docs/growing.md names for three dynos


class Formation:
    """The dynos of a project and its parts, which the fixture `formation` starts."""

    def __init__(self, project, postgres, redis, router):
        self.project, self.postgres = project, postgres
        self.redis, self.router = redis, router
        self.count = 0
        self.web, self.workers = [], []

    def start(self):
        """Build and release the project on a plan with few connections, and scale."""
        limit = f"ALTER ROLE dyno CONNECTION LIMIT {CONNECTION_LIMIT}"
        self.postgres.psql(limit)
        url = self.postgres.create("site")
        self.project.build(DATABASE_URL=url, REDIS_URL=self.redis.url).release()
        self.add_web(3)
        self.add_workers(2)

    def kill(self):
        for dyno in [*self.web, *self.workers]:
            dyno.__exit__()

    def boot(self, process_type, **more):
        self.count += 1
        return self.project.dyno(f"{process_type}.{self.count}", **more)

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

    def add_migration(self, text):
        """Add a migration to the project; return the slugs with it and without it."""
        without = self.project.slug
        self.project.write("rehearsal/migrations/__init__.py", "")
        self.project.write("rehearsal/migrations/0001_initial.py", text)
        self.project.slug = without.with_name("migrated")
        return self.project.build().slug, without

    def deploy(self, slug):
        """Release a slug, and replace every dyno by one of it."""
        self.project.slug = slug
        self.project.release()
        old = list(self.workers)
        self.add_workers(len(old))
        self.remove_workers(old)
        self.restart_web()

    def logs(self):
        logs = self.project.slug.parent.glob("*.log")
        return "".join(path.read_text() for path in logs)

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

    def begin(self, name, seconds):
        """Have a worker begin to do so, and return it."""
        self.enqueue(name, seconds)
        wait_until(lambda: self.recorded(f"{name} begin") == 1)
        [worker_id] = self.sql(
            "SELECT worker_ids ->> -1 FROM django_tasks_database_dbtaskresult"
            " WHERE status = 'RUNNING'"
        )
        worker = worker_id.rpartition("-")[0]
        return next(dyno for dyno in self.workers if dyno.name == worker)

    def sql(self, query):
        """Return the rows of a query as text, asked by the owner of the server."""
        return self.postgres.psql(query, "site").splitlines()

    def recorded(self, name):
        """Return how often a name was recorded: at begin or end of a task."""
        where = f"name LIKE '{name}%'"
        return int(self.sql(f"SELECT count(*) FROM auth_group WHERE {where}")[0])


def stop(dynos):
    """Stop dynos at the same time, as Heroku does."""
    with ThreadPoolExecutor() as threads:
        list(threads.map(heroku.Dyno.stop, dynos))
