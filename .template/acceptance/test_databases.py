"""Several databases: a second one, and a follower for reads."""

import json
import re
import subprocess

import heroku
import parts
import pytest
from parts import wait_until
from recipes import sections, steps

ORDERS = """
DATABASES["orders"] = database.parse(
    os.environ["HEROKU_POSTGRESQL_GREEN_URL"], local=LOCAL
)

"""


class Follower(parts.Postgres):
    """A streaming replica of another server, as Heroku's followers are."""

    def __init__(self, leader):
        self.settings, self.port = {}, parts.free_port()
        parts.Part.__init__(self)  # its data is a copy, so there is no initdb
        command = [parts.need("pg_basebackup"), "-D", "data", "-R", "-c", "fast"]
        where = ["-h", str(leader.folder), "-p", str(leader.port), "-U", "postgres"]
        subprocess.run([*command, *where], check=True, **self.options)


@pytest.fixture(scope="module")
def site(copy_project):
    """A site with a follower, as docs/growing.md has it, and a second database."""
    section = sections("growing.md")["Several databases"]
    [(_, _, settings), (_, _, router)] = steps(section)
    project = copy_project("databases").add_rehearsal()
    project.write("mysite/routers.py", router)
    project.change("mysite/routers.py", ('"blog"', '"auth"'))
    heading = "# Caches and sessions\n"
    databases = settings + ORDERS + heading
    project.change("mysite/settings.py", (heading, databases), ("PACKAGE", "mysite"))
    with parts.Postgres() as leader:
        with (leader.folder / "data/pg_hba.conf").open("a") as rules:
            rules.write("local replication all trust\n")
        leader.psql("SELECT pg_reload_conf()")
        project.config_vars |= {
            "DATABASE_URL": leader.create("site"),
            "HEROKU_POSTGRESQL_GREEN_URL": leader.create("orders"),
        }
        with Follower(leader) as follower:
            project.build(HEROKU_POSTGRESQL_PINK_URL=follower.url("site"))
            project.said = project.run("python manage.py release")
            project.follower = follower
            yield project


def test_the_release_migrates_each_database_but_the_follower(site):
    assert re.search("The database default is migrated: [1-9]", site.said)
    assert re.search("The database orders is migrated: [1-9]", site.said)
    assert "The database follower is a follower, so it is not migrated" in site.said


@pytest.fixture(scope="module")
def dyno(site):
    replayed = "SELECT count(*) FROM pg_class WHERE relname = 'django_session'"
    wait_until(lambda: site.follower.psql(replayed, "site") == "1")
    with site.dyno() as dyno:
        yield dyno


def test_reads_come_from_the_follower_and_writes_go_to_the_leader(dyno, site):
    client = heroku.Client(dyno.port)
    state = "SELECT pg_get_wal_replay_pause_state()"
    site.follower.psql("SELECT pg_wal_replay_pause()")
    wait_until(lambda: site.follower.psql(state) == "paused")
    assert client.post("/rehearsal/write?name=none", "").status == 201
    assert client.get("/rehearsal/data").text == "0"
    site.follower.psql("SELECT pg_wal_replay_resume()")
    wait_until(lambda: client.get("/rehearsal/data").text == "1")


def test_ready_names_each_database_by_its_alias_and_the_one_that_is_lost(dyno, site):
    client = heroku.Client(dyno.port)
    states = json.loads(client.get("/ready").text)
    names = ("database", "orders", "follower", "migrations")
    assert {name: states[name] for name in names} == dict.fromkeys(names, "ok")
    site.follower.stop()
    wait_until(lambda: client.get("/ready").status == 503)
    states = json.loads(client.get("/ready").text)
    assert states["follower"] == "failed"
    assert states["database"] == states["orders"] == "ok"
    with pytest.raises(heroku.Refused, match="The database follower cannot be used: "):
        site.run("python manage.py release")
    site.follower.start()
    wait_until(lambda: client.get("/ready").status == 200)
