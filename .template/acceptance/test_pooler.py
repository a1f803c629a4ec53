"""A grown site behind a connection pooler in transaction mode."""

import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from types import SimpleNamespace

import heroku
import parts
import pytest
from formation import Formation, Router
from parts import wait_until
from pooler import PgBouncer
from traffic import Traffic

# 3 dynos x 4 workers x 15 connections: as many clients as 11 dynos of 2 x 8.
CLIENTS = 180
BIG = {"WEB_CONCURRENCY": "4", "WEB_THREADS": "16", "DATABASE_POOL_SIZE": "15"}
SERVERS = 20

# Its data migration names no alias, as most do: it must see the table all the same.
MODELS = """
from django.db import models
class Note(models.Model):
    id = models.BigAutoField(primary_key=True)
    text = models.CharField(max_length=20)
"""
MIGRATION = """
from django.db import migrations, models
def write(apps, schema_editor):
    apps.get_model("rehearsal", "Note").objects.create(text="first")
class Migration(migrations.Migration):
    operations = [
        migrations.CreateModel("Note", [
            ("id", models.BigAutoField(primary_key=True, serialize=False)),
            ("text", models.CharField(max_length=20)),
        ]),
        migrations.RunPython(write),
    ]
"""


class Pooled(Formation):
    """A formation whose database is reached through PgBouncer."""

    def __enter__(self):
        with ExitStack() as stack:
            self.postgres = stack.enter_context(parts.Postgres())
            self.redis = stack.enter_context(parts.Redis())
            self.router = stack.enter_context(Router())
            self.pooler = stack.enter_context(PgBouncer(self.postgres, SERVERS))
            stack.callback(self.kill)
            self.config_vars["DATABASE_URL"] = self.postgres.create("site")
            pool_url = self.pooler.url("site")
            self.config_vars["DATABASE_CONNECTION_POOL_URL"] = pool_url
            self.config_vars["REDIS_URL"] = self.redis.url
            self.slug = heroku.build(self.source, self.folder / "v1", self.config_vars)
            heroku.release(self.slug, self.config_vars)
            self.add_web(3, **BIG)
            self.add_workers(2)
            self.stack = stack.pop_all()
        return self

    def build_next(self):
        """Make the slug of a release with a model more, and return it."""
        app = self.source / "rehearsal"
        (app / "models.py").write_text(MODELS)
        (app / "migrations").mkdir()
        (app / "migrations/__init__.py").touch()
        (app / "migrations/0001_initial.py").write_text(MIGRATION)
        return heroku.build(self.source, self.folder / "v2", self.config_vars)

    def deploy(self, slug):
        """Release a slug and restart all dynos on it."""
        heroku.release(slug, self.config_vars)
        self.slug = slug
        self.restart_workers()
        self.restart_web(**BIG)

    def settings_of_servers(self, name):
        """Return what each of the pooler's server connections has for a setting."""
        return set(self.pooler.psql(*[f"SHOW {name}"] * 40, database="site"))


@pytest.fixture(scope="module")
def formation(tmp_path_factory, source, secret_key):
    folder = tmp_path_factory.mktemp("pooled")
    with Pooled(folder, source, secret_key) as formation:
        yield formation


@pytest.fixture(autouse=True)
def nothing_fails(formation):
    """Hold each test to no failed request, and no connection that was refused."""
    with Traffic(formation) as traffic, traffic.watch() as seen:
        yield
        time.sleep(1)
    assert len(seen.answers) > 20
    assert not [answer for answer in seen.answers if not answer.good]
    assert not traffic.lost()
    log = formation.pooler.log.read_text()
    assert "unsupported startup parameter" not in log


def crowd(formation, path, threads, seconds):
    """Have so many visitors ask for a page, 40 more each second; return the answers."""
    answers, until = [], time.monotonic() + seconds

    def ask(number):
        time.sleep(number / 40)
        visitor = formation.visitor()
        while time.monotonic() < until:
            answer = visitor.get(path)
            answers.append((answer.status, answer.status != 200 and answer.text))

    running = [threading.Thread(target=ask, args=(n,)) for n in range(threads)]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()
    return answers


def test_the_clients_of_eleven_dynos_share_twenty_connections(formation):
    most = SimpleNamespace(clients=0, servers=0)
    ended = threading.Event()

    def count():
        while not ended.wait(0.2):
            most.clients = max(most.clients, formation.pooler.count("CLIENTS", "site"))
            most.servers = max(most.servers, formation.pooler.count("SERVERS", "site"))

    counter = threading.Thread(target=count)
    counter.start()
    answers = crowd(formation, "/rehearsal/query?seconds=0.1", CLIENTS + 30, 20)
    ended.set()
    counter.join()
    print(f"{len(answers)} requests, {most.clients} clients, {most.servers} servers")
    assert set(answers) == {(200, False)}
    assert 150 <= most.clients <= CLIENTS + 2 * len(formation.workers)
    assert most.servers <= SERVERS


def test_web_dynos_know_the_pooled_database_alone(formation):
    ready = formation.json("/ready")
    assert ready["database"] == ready["migrations"] == "ok"
    assert "direct" not in ready
    direct = formation.connections() - formation.pooler.count("SERVERS", "site")
    assert direct <= 2 * len(formation.workers)


def test_a_deploy_that_migrates_and_its_rollback_work(formation):
    first = formation.slug
    formation.deploy(formation.build_next())
    assert formation.sql("SELECT text FROM rehearsal_note") == ["first"]
    formation.deploy(first)
    assert formation.json("/ready")["migrations"] == "ok"


def test_a_task_whose_worker_was_killed_is_run_again(formation):
    formation.enqueue("killed", 4)
    wait_until(lambda: formation.recorded("killed begin") == 1)
    busy = formation.busy_worker()
    busy.signal(signal.SIGKILL)
    wait_until(lambda: formation.recorded("killed end") == 1, 60)
    assert formation.recorded("killed begin") == 2
    formation.remove_workers([busy])


def test_nothing_is_left_behind_on_the_poolers_connections(formation):
    formation.remove_workers(formation.workers)
    locks = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"
    wait_until(lambda: formation.sql(locks) == ["0"])
    for name in ("lock_timeout", "statement_timeout"):
        assert formation.settings_of_servers(name) == {"0"}


def test_a_time_out_for_queries_is_set_on_the_role(formation):
    """Since a pooler takes no start-up parameters: docs/growing.md."""
    set_it = "ALTER ROLE CURRENT_USER SET statement_timeout = '25s'"
    formation.pooler.psql(set_it, database="site")
    formation.pooler.psql("RECONNECT")
    wait_until(lambda: formation.settings_of_servers("statement_timeout") == {"25s"})


def test_the_buildpacks_pooler_serves_web_dynos_without_tls(formation):
    """https://github.com/heroku/heroku-buildpack-pgbouncer"""
    with PgBouncer(formation.postgres, 2, tls="disable") as pooler:
        url = pooler.url("site")
        buildpack = {"DATABASE_URL": url, "DATABASE_URL_PGBOUNCER": url}
        config_vars = {**formation.config_vars, **buildpack}
        del config_vars["DATABASE_CONNECTION_POOL_URL"]
        with heroku.Dyno(formation.slug, config_vars, "web.9") as dyno:
            client = heroku.Client(dyno.port)
            assert client.get("/rehearsal/data").status == 200
            assert client.get("/ready").status == 200


@pytest.fixture(params=[0, 1], ids=["last first", "in turn"])
def unnamed(formation, request):
    """Config vars whose DATABASE_URL is a pooler's, and its busy PgBouncer."""
    database = f"unnamed{request.param}"
    formation.postgres.create(database)
    pooler = PgBouncer(formation.postgres, 4, turns=request.param)
    with pooler, ThreadPoolExecutor(4) as threads:
        sleep = ["SELECT pg_sleep(1)"]  # so that it has several idle servers
        [*threads.map(lambda _: pooler.psql(*sleep, database=database), range(4))]
        config_vars = {**formation.config_vars, "DATABASE_URL": pooler.url(database)}
        del config_vars["DATABASE_CONNECTION_POOL_URL"]
        yield config_vars, pooler, database


REFUSED = (
    "DATABASE_URL is behind a pooler in transaction mode.*"
    "Fix: set the URL past the pooler, and DATABASE_CONNECTION_POOL_URL"
)


@pytest.mark.parametrize("command", ["release", "worker --batch"])
def test_a_database_url_that_is_a_poolers_is_refused(formation, unnamed, command):
    config_vars, pooler, database = unnamed
    with pytest.raises(heroku.Refused, match=REFUSED) as refused:
        heroku.run(formation.slug, config_vars, f"python manage.py {command}")
    assert "Traceback" not in str(refused.value)
    assert {*pooler.psql(*["SHOW lock_timeout"] * 20, database=database)} == {"0"}
    locks = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"
    assert formation.postgres.psql(locks, database) == "0"


def test_a_pooler_that_takes_no_time_out_is_told_as_such(formation, unnamed):
    config_vars, _, _ = unnamed
    config_vars["DATABASE_STATEMENT_TIMEOUT"] = "25s"
    with pytest.raises(heroku.Refused, match="behind a pooler .*Fix: set the URL"):
        heroku.run(formation.slug, config_vars, "python manage.py release")


def test_a_pooler_in_session_mode_is_let_through(formation):
    url = formation.postgres.create("session")
    with PgBouncer(formation.postgres, 4, mode="session") as pooler:
        config_vars = {**formation.config_vars, "DATABASE_URL": pooler.url("session")}
        del config_vars["DATABASE_CONNECTION_POOL_URL"]
        for config_vars["DATABASE_URL"] in (pooler.url("session"), url):
            for command in ("release", "worker --batch"):
                heroku.run(formation.slug, config_vars, f"python manage.py {command}")
