"""docs/recipes/building.md in the same project: jobs, Celery, mail and logs."""

import io
import json

import heroku
import parts
import recipes
from aiosmtpd.controller import Controller
from aiosmtpd.handlers import Debugging
from projects import change
from scripts import blocks


def all_json(log):
    """Say whether each line has what a drain asks for."""
    events = [json.loads(line) for line in log.splitlines()]
    keys = {"levelname", "name", "message", "request_id"}
    return events and all(keys <= event.keys() for event in events)


def test_a_scheduled_job_runs_in_a_dyno_of_its_own(building):
    assert "1 users" in building.project.run("python manage.py count_users")


def deactivate(building, user):
    """Queue the task as the recipe says, in a process that ends."""
    code = f"from mysite.tasks import deactivate; deactivate.delay_on_commit({user})"
    building.project.run(f'python manage.py shell --command "{code}"')


def test_celery_runs_several_tasks_at_once_and_loses_none_in_a_deploy(
    building, postgres
):
    waits = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
    quiet = {"PYTHONWARNINGS": "ignore"}  # it warns of root, which Heroku's is not
    worker = building.project.dyno("celery.1", **quiet)
    lock = "BEGIN; SELECT FROM mysite_user WHERE id = 1 FOR UPDATE"
    with postgres.holding(lock, "building"), worker:
        deactivate(building, 1)
        parts.wait_until(lambda: postgres.psql(waits) == "1")
        deactivate(building, 1_000_000)  # nobody
        parts.wait_until(lambda: "succeeded" in worker.log)
        assert all_json(worker.log)
        assert 10 <= worker.stop() < 20
    assert worker.log.count("succeeded") == 1
    with building.project.dyno("celery.2", **quiet) as other:
        parts.wait_until(lambda: "succeeded" in other.log)
        active = "SELECT is_active FROM mysite_user WHERE id = 1"
        assert postgres.psql(active, "building") == "f"
        assert other.stop() < 10
    postgres.psql("UPDATE mysite_user SET is_active = true", "building")
    assert "insecure" not in worker.log  # as without CELERY_BROKER_USE_SSL


def test_a_task_of_celery_runs_at_once_in_development(building):
    code = "from mysite.tasks import deactivate; print(deactivate.delay(1).state)"
    command = f'python manage.py migrate; python manage.py shell --command "{code}"'
    assert "SUCCESS" in recipes.run(building.project.folder, command)


def test_mail_goes_by_the_providers_api(building, http_services):
    building.project.run("python manage.py sendtestemail you@example.com")
    [[path, headers, body]] = [s for s in http_services.received if s[0] == "/email"]
    assert headers["X-Postmark-Server-Token"] == "a-token"
    assert json.loads(body)["To"] == "you@example.com"


def test_a_catcher_on_this_machine_gets_the_mails_of_development(building):
    send = "python manage.py sendtestemail you@example.com"
    as_run_does = f'eval "$(python bin/dotenv)"; {send}'  # bin/run reads .env
    recipe = recipes.sections("recipes/building.md")["Mail on your machine"]
    [write_env] = blocks(recipe, "sh")
    folder = building.project.folder
    recipes.run(folder, write_env)
    port = parts.free_port()
    change(folder / ".env", (":1025", f":{port}"))
    mails = io.StringIO()
    mailpit = Controller(Debugging(mails), "127.0.0.1", port)  # it has no TLS, either
    mailpit.start()
    recipes.run(folder, as_run_does)
    mailpit.stop()
    assert "To: you@example.com" in mails.getvalue()


def test_each_line_of_a_dynos_log_is_json(building):
    heroku.Client(building.dyno.port).get("/no-such-page")
    parts.wait_until(lambda: "/no-such-page" in building.dyno.log)
    log = building.dyno.log
    assert all_json(log)
    fields = [json.loads(line).get("fields", {}) for line in log.splitlines()]
    [known] = [each for each in fields if each.get("path") == "/no-such-page"]
    assert known["status"] == "404"
    with building.project.dyno("worker.1") as worker:
        parts.wait_until(lambda: "Starting worker" in worker.log)
        assert all_json(worker.log)
