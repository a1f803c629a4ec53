"""Jobs, mail and logs: what docs/recipes/building.md says of the services of a site."""

import json
import shutil
import subprocess
import sys
from contextlib import contextmanager

import heroku
import parts
import pytest
import recipes
from projects import change


@pytest.fixture(scope="module")
def dyno(building):
    with heroku.Dyno(building.slug, building.config_vars, WEB_CONCURRENCY="1") as dyno:
        yield dyno


@pytest.fixture
def client(dyno):
    """A client that is logged in."""
    return recipes.log_in(dyno)


def test_the_lint_and_the_owners_tests_pass(building):
    # "ruff format" tidies what makemigrations wrote: docs/recipes.md says so.
    checks = "ruff check . && ruff format --check --exclude migrations ."
    recipes.run(building.project, checks)
    recipes.run(building.project, "python -m pytest -q tests")


def test_a_scheduled_job_runs_in_a_dyno_of_its_own(building):
    said = heroku.run(
        building.slug, building.config_vars, "python manage.py count_users"
    )
    assert "1 users" in said


@pytest.fixture
def visitor(building, postgres):
    """The id of an account that no other test uses."""
    create = (
        "from mysite.models import User; print(User.objects.create(username='ada').pk)"
    )
    command = f'python manage.py shell --verbosity 0 --command "{create}"'
    said = heroku.run(building.slug, building.config_vars, command)
    yield said.splitlines()[-1]
    postgres.psql("DELETE FROM mysite_user WHERE username = 'ada'", "building")


def deactivate(building, user):
    """Queue the task as the recipe says, in a process that ends."""
    code = f"from mysite.tasks import deactivate; deactivate.delay_on_commit({user})"
    command = f'python manage.py shell --verbosity 0 --command "{code}"'
    heroku.run(building.slug, building.config_vars, command)


@contextmanager
def locked(postgres, user):
    """Lock the row of an account, so that a task which changes it waits."""
    where = ["-h", postgres.folder, "-p", str(postgres.port), "-U", "postgres"]
    psql = [parts.need("psql"), "-q", *where, "building"]
    with subprocess.Popen(psql, stdin=subprocess.PIPE, text=True) as other:
        other.stdin.write(
            f"BEGIN; SELECT FROM mysite_user WHERE id = {user} FOR UPDATE;\n"
        )
        other.stdin.flush()
        yield
        other.stdin.close()  # ends the transaction


def waits(postgres):
    """Say whether a query waits for a lock."""
    count = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
    return postgres.psql(count) != "0"


def is_active(postgres, user):
    return (
        postgres.psql(
            f"SELECT is_active FROM mysite_user WHERE id = {user}", "building"
        )
        == "t"
    )


def celery(building, name):
    """Start a dyno; Celery warns of root, which it does not run as on Heroku."""
    quiet = {"PYTHONWARNINGS": "ignore"}
    return heroku.Dyno(building.slug, building.config_vars, name, **quiet)


def test_celery_runs_several_tasks_at_once(building, postgres, visitor):
    with celery(building, "celery.1") as worker:
        with locked(postgres, visitor):
            deactivate(building, visitor)
            parts.wait_until(lambda: waits(postgres))
            deactivate(building, 1_000_000)  # nobody
            parts.wait_until(lambda: "User 1000000 is deactivated" in worker.log)
            assert is_active(postgres, visitor)
        parts.wait_until(lambda: f"User {visitor} is deactivated" in worker.log)
        assert not is_active(postgres, visitor)
        assert recipes.all_json(worker.log)
        assert "insecure" not in worker.log  # as without CELERY_BROKER_USE_SSL
        assert worker.stop() < 10


def test_celery_loses_no_task_in_a_deploy(building, postgres, visitor):
    with celery(building, "celery.1") as worker:
        with locked(postgres, visitor):
            deactivate(building, visitor)
            parts.wait_until(lambda: waits(postgres))
            assert 10 <= worker.stop() < 20
        assert is_active(postgres, visitor)
    with celery(building, "celery.2") as worker:
        parts.wait_until(lambda: f"User {visitor} is deactivated" in worker.log)


def test_mail_goes_by_the_providers_api(building, http_services):
    more = {"MAIL_API": http_services.url, "DJANGO_SETTINGS_MODULE": "mysite.trial"}
    send = "python manage.py sendtestemail you@example.com"
    heroku.run(building.slug, building.config_vars, send, **more)
    [[path, headers, body]] = [s for s in http_services.received if s[0] == "/email"]
    assert headers["X-Postmark-Server-Token"] == "a-token"
    assert json.loads(body)["To"] == "you@example.com"


class Catcher(parts.Part):
    """A mail server without TLS, which prints each mail, in Mailpit's place."""

    def __init__(self):
        self.port = parts.free_port()
        super().__init__()

    def command(self):
        where = ["--nosetuid", "--listen", f"127.0.0.1:{self.port}"]
        return [sys.executable, "-u", "-m", "aiosmtpd", *where]


def test_a_catcher_on_this_machine_gets_the_mails_of_development(building):
    send = "python manage.py sendtestemail you@example.com"
    as_run_does = f'eval "$(python bin/dotenv)"; {send}'  # bin/run reads .env
    with Catcher() as catcher:
        env = shutil.copy(building.env, building.project / ".env")
        change(env, (":1025", f":{catcher.port}"))
        recipes.run(building.project, as_run_does)
        parts.wait_until(lambda: "To: you@example.com" in catcher.log.read_text())


def test_each_line_of_a_dynos_log_is_json(dyno, client):
    client.get("/no-such-page")
    parts.wait_until(lambda: "/no-such-page" in dyno.log)
    assert recipes.all_json(dyno.log)
    events = [json.loads(line) for line in dyno.log.splitlines()]
    [event] = [e for e in events if e.get("fields", {}).get("path") == "/no-such-page"]
    assert event["name"] == "access" and event["fields"]["status"] == "404"


def test_release_and_worker_pass_with_the_settings_of_all_recipes(building):
    with heroku.Dyno(building.slug, building.config_vars, "worker.1") as worker:
        parts.wait_until(lambda: "Starting worker" in worker.log)
        assert recipes.all_json(worker.log)
