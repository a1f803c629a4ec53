"""A grown site behind a connection pooler in transaction mode."""

import signal
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor

import heroku
import parts
import pytest
from parts import wait_until

# 3 dynos x 4 workers x 15 connections: as many clients as 11 dynos of 2 x 8.
CLIENTS = 180
BIG = {"WEB_CONCURRENCY": "4", "WEB_THREADS": "16", "DATABASE_POOL_SIZE": "15"}
SERVERS = 20

# It writes without an alias, as most do, and must see the table all the same.
MIGRATION = """
from django.db import connection, migrations
def write(apps, schema_editor):
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO rehearsal_note VALUES ('first')")
class Migration(migrations.Migration):
    operations = [
        migrations.RunSQL("CREATE TABLE rehearsal_note (text text)"),
        migrations.RunPython(write),
    ]
"""

LOCKS = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"

CONFIG = """
[databases]
* = host=127.0.0.1 port={server}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = scram-sha-256
auth_file = users.txt
admin_users = dyno
pool_mode = {mode}
default_pool_size = {size}
max_client_conn = 500
server_round_robin = {turns}
server_tls_sslmode = require
client_tls_sslmode = {tls}
client_tls_key_file = server.key
client_tls_cert_file = server.crt
"""


class PgBouncer(parts.Part):
    """A pooler of `size` server connections; like Heroku's it demands TLS by default.

    `tls="disable"` makes it the buildpack's, which runs on the dyno itself. It gives
    out its servers in turn, or with `turns=0` the one used last first, as by default.
    """

    user = parts.NOBODY

    def __init__(self, postgres, size, tls="require", mode="transaction", turns=1):
        self.port = parts.free_port()
        super().__init__()
        ports = {"port": self.port, "server": postgres.port}
        config = CONFIG.format(size=size, tls=tls, mode=mode, turns=turns, **ports)
        (self.folder / "pgbouncer.ini").write_text(config)
        (self.folder / "users.txt").write_text(f'"dyno" "{parts.PASSWORD}"\n')

    def command(self):
        return [parts.need("pgbouncer"), "pgbouncer.ini"]

    def url(self, database):
        """Return the URL of a database through the pooler."""
        return f"postgres://dyno:{parts.PASSWORD}@127.0.0.1:{self.port}/{database}"

    def psql(self, *statements, database="pgbouncer"):
        """Run statements through it, or ask the pooler itself; return the rows."""
        psql = [parts.need("psql"), "-XAtq", "-v", "ON_ERROR_STOP=1"]
        psql += [f"--command={sql}" for sql in statements]
        psql += [self.url(database)]
        return subprocess.check_output(psql, text=True).splitlines()

    def count(self, what, database):
        """Return how many connections its CLIENTS or SERVERS have for a database."""
        rows = [row.split("|") for row in self.psql(f"SHOW {what}")]
        return sum(row[2] == database for row in rows)


@pytest.fixture(scope="module")
def formation(formation):
    with PgBouncer(formation.postgres, SERVERS) as formation.pooler:
        pool_url = formation.pooler.url("site")
        more = BIG | {"DATABASE_CONNECTION_POOL_URL": pool_url}
        formation.project.config_vars |= more
        formation.deploy(formation.project.slug)
        yield formation


@pytest.fixture(autouse=True)
def nothing_fails(formation, fault, request):
    """Hold each test to no failed request, and no connection that was refused."""
    with fault(request.node.name, recovered=0, slowest=30):
        yield
    log = formation.pooler.log.read_text()
    assert "unsupported startup parameter" not in log


def settings_of_servers(pooler, name, database="site"):
    """Return what each of a pooler's server connections has for a setting."""
    return set(pooler.psql(*[f"SHOW {name}"] * 40, database=database))


def app_with(formation, url, **more):
    """Return the app with this DATABASE_URL alone."""
    app = formation.project.app(DATABASE_URL=url, **more)
    del app.config_vars["DATABASE_CONNECTION_POOL_URL"]
    return app


def test_the_clients_of_eleven_dynos_share_twenty_connections(formation):
    clients, servers = [], []
    ends = time.monotonic() + 20

    def visit(number):
        """Ask until the end, beginning late: 40 visitors more come each second."""
        time.sleep(number / 40)
        visitor = formation.visitor()
        statuses = set()
        while time.monotonic() < ends:
            statuses.add(visitor.get("/rehearsal/query?seconds=0.1").status)
        return statuses

    with ThreadPoolExecutor(CLIENTS + 30) as threads:
        found = threads.map(visit, range(CLIENTS + 30))
        while time.monotonic() < ends:
            clients.append(formation.pooler.count("CLIENTS", "site"))
            servers.append(formation.pooler.count("SERVERS", "site"))
            time.sleep(0.2)
    assert set().union(*found) == {200}
    assert 150 <= max(clients) <= CLIENTS + 2 * len(formation.workers)
    assert max(servers) <= SERVERS
    of_site = "SELECT count(*) FROM pg_stat_activity WHERE usename = 'dyno'"
    direct = int(formation.sql(of_site)[0]) - servers[-1]
    assert direct <= 2 * len(formation.workers)
    assert "direct" not in formation.json("/ready")


def test_a_deploy_that_migrates_and_its_rollback_work(formation):
    for slug in formation.add_migration(MIGRATION):
        formation.deploy(slug)
        assert formation.sql("SELECT text FROM rehearsal_note") == ["first"]
        assert formation.json("/ready")["migrations"] == "ok"


def test_a_task_whose_worker_was_killed_is_run_again_by_a_batch(formation):
    formation.begin("killed", 4).signal(signal.SIGKILL)
    formation.remove_workers(formation.workers)
    formation.project.run("python manage.py worker --batch")
    assert formation.recorded("killed begin") == 2
    assert formation.recorded("killed end") == 1


def test_nothing_is_left_behind_on_the_poolers_connections_but_what_the_role_has(
    formation,
):
    """It takes no start-up parameters: docs/growing.md sets a time-out on the role."""
    pooler = formation.pooler
    wait_until(lambda: formation.sql(LOCKS) == ["0"])
    for name in ("lock_timeout", "statement_timeout"):
        assert settings_of_servers(pooler, name) == {"0"}
    set_it = "ALTER ROLE CURRENT_USER SET statement_timeout = '25s'"
    pooler.psql(set_it, database="site")
    pooler.psql("RECONNECT")
    wait_until(lambda: settings_of_servers(pooler, "statement_timeout") == {"25s"})


def test_the_buildpacks_pooler_serves_web_dynos_without_tls(formation):
    """https://github.com/heroku/heroku-buildpack-pgbouncer"""
    with PgBouncer(formation.postgres, 2, tls="disable") as pooler:
        url = pooler.url("site")
        more = {"DATABASE_URL_PGBOUNCER": url, "DATABASE_STATEMENT_TIMEOUT": "25s"}
        app = app_with(formation, url, **more)
        with app.dyno() as dyno:
            client = heroku.Client(dyno.port)
            assert client.get("/rehearsal/data").status == 200
            assert client.get("/ready").status == 200


REFUSED = (
    "DATABASE_URL is behind a pooler in transaction mode.*"
    "Fix: set the URL past the pooler, and DATABASE_CONNECTION_POOL_URL"
)


@pytest.mark.parametrize("turns", [0, 1], ids=["last first", "in turn"])
def test_a_database_url_that_is_a_poolers_is_refused(formation, turns):
    database = f"unnamed{turns}"
    formation.postgres.create(database)

    def sleep(number):
        return pooler.psql("SELECT pg_sleep(1)", database=database)

    with PgBouncer(formation.postgres, 4, turns=turns) as pooler:
        with ThreadPoolExecutor(4) as threads:
            list(threads.map(sleep, range(4)))  # so that it has several idle servers
        plain = app_with(formation, pooler.url(database))
        timed = plain.app(DATABASE_STATEMENT_TIMEOUT="25s")
        for app, command in (
            (plain, "release"),
            (plain, "worker --batch"),
            (timed, "release"),
        ):
            with pytest.raises(heroku.Refused, match=REFUSED) as refused:
                app.run(f"python manage.py {command}")
            assert "Traceback" not in str(refused.value)
        assert settings_of_servers(pooler, "lock_timeout", database) == {"0"}
    assert formation.postgres.psql(LOCKS, database) == "0"


def test_a_pooler_in_session_mode_is_let_through(formation):
    formation.postgres.create("session")
    with PgBouncer(formation.postgres, 4, mode="session") as pooler:
        app = app_with(formation, pooler.url("session"))
        for command in ("release", "worker --batch"):
            app.run(f"python manage.py {command}")
