"""Several databases: a second one, and a follower for reads."""

import json
import re
import subprocess

import heroku
import parts
import pytest
from parts import wait_until

# As docs/growing.md has it.
RECIPE = """
for alias, name in (
    ("orders", "HEROKU_POSTGRESQL_GREEN_URL"),
    ("follower", "HEROKU_POSTGRESQL_PINK_URL"),
):
    if name in os.environ:
        DATABASES[alias] = database.parse(os.environ[name], local=LOCAL)
        DATABASES[alias]["TEST"] = {"MIRROR": "default"}

if "follower" in DATABASES:
    DATABASE_ROUTERS = ["mysite.routers.ReadFromFollower"]
"""
ROUTER = '''
class ReadFromFollower:
    """Read from the follower what may be some seconds old; write to the leader."""

    def db_for_read(self, model, **hints):
        return "follower" if model._meta.model_name == "group" else None

    def allow_relation(self, first, second, **hints):
        return True  # they are the same database
'''
VIEWS = '''
from django.contrib.auth.models import Group
from django.http import JsonResponse
from django.views.decorators.csrf import csrf_exempt

@csrf_exempt
def groups(request):
    """Write a group, or say which there are and who was asked."""
    if request.method == "POST":
        return JsonResponse({"db": Group.objects.create(name="one")._state.db})
    found = Group.objects.all()
    return JsonResponse({"db": found.db, "names": [group.name for group in found]})
'''


class Leader(parts.Postgres):
    """A server that followers may copy."""

    def __init__(self):
        super().__init__(wal_level="replica", max_wal_senders=4)
        with (self.folder / "data/pg_hba.conf").open("a") as rules:
            rules.write("local replication all trust\n")


class Follower(parts.Postgres):
    """A streaming replica of another server, as Heroku's followers are."""

    def __init__(self, leader):
        self.leader = leader
        self.settings, self.port = {"hot_standby": "on"}, parts.free_port()
        parts.Part.__init__(self)
        command = [parts.need("pg_basebackup"), "-D", "data", "-R", "-X", "stream"]
        command += ["-h", str(leader.folder), "-p", str(leader.port), "-U", "postgres"]
        try:
            subprocess.run(
                [*command, "-c", "fast"],
                check=True,
                capture_output=True,
                **self.options(),
            )
        except BaseException:
            self.__exit__()
            raise


@pytest.fixture(scope="module")
def site(copy_project):
    """A site with a second database, and a follower of its first one.

    It does what docs/growing.md says, and has a page that shows it.
    """
    project = copy_project("databases").write("mysite/routers.py", ROUTER)
    heading = "# Caches and sessions\n"
    project.change("mysite/settings.py", (heading, f"{RECIPE}\n\n{heading}"))
    project.append("mysite/views.py", VIEWS).add_route("groups", "groups")
    with Leader() as leader:
        project.config_vars |= {
            "EMAIL_URL": "smtp://user:password@127.0.0.1:1",
            "DATABASE_URL": leader.create("site"),
            "HEROKU_POSTGRESQL_GREEN_URL": leader.create("orders"),
        }
        with Follower(leader) as follower:
            project.build(HEROKU_POSTGRESQL_PINK_URL=follower.url("site"))
            project.said = heroku.release(project.slug, project.config_vars)
            project.leader = leader
            project.follower = follower
            yield project


@pytest.fixture(scope="module")
def dyno(site):
    replayed = "SELECT count(*) FROM pg_class WHERE relname = 'django_session'"
    wait_until(lambda: site.follower.psql(replayed, "site") == "1")
    with site.dyno() as dyno:
        yield dyno


def test_the_release_migrates_each_database_but_the_follower(site):
    assert re.search("The database default is migrated: [1-9]", site.said)
    assert re.search("The database orders is migrated: [1-9]", site.said)
    assert "The database follower is a follower, so it is not migrated" in site.said
    tables = "SELECT count(*) FROM pg_class WHERE relname = 'django_session'"
    assert site.leader.psql(tables, "orders") == "1"


def test_ready_names_each_database_by_its_alias(dyno):
    answer = heroku.Client(dyno.port).get("/ready")
    assert answer.status == 200, answer.text
    states = json.loads(answer.text)
    names = ("database", "orders", "follower", "migrations")
    assert {name: states[name] for name in names} == dict.fromkeys(names, "ok")


def test_reads_come_from_the_follower_and_writes_go_to_the_leader(dyno, site):
    client = heroku.Client(dyno.port)
    assert json.loads(client.post("/groups", "").text) == {"db": "default"}
    wait_until(lambda: "one" in client.get("/groups").text)
    assert json.loads(client.get("/groups").text) == {
        "db": "follower",
        "names": ["one"],
    }


def test_a_database_that_is_lost_is_named_by_ready(dyno, site):
    site.follower.stop()
    client = heroku.Client(dyno.port)
    wait_until(lambda: client.get("/ready").status == 503)
    states = json.loads(client.get("/ready").text)
    assert states["follower"] == "failed"
    assert states["database"] == states["orders"] == "ok"
    site.follower.start()
    wait_until(lambda: client.get("/ready").status == 200)
