"""Jobs, mail and logs: what docs/recipes/building.md says of the services of a site."""

import json

import heroku
import parts
import pytest
import recipes


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


def test_mail_goes_by_the_providers_api(building, http_services):
    more = {"MAIL_API": http_services.url, "DJANGO_SETTINGS_MODULE": "mysite.trial"}
    send = "python manage.py sendtestemail you@example.com"
    heroku.run(building.slug, building.config_vars, send, **more)
    [[path, headers, body]] = [s for s in http_services.received if s[0] == "/email"]
    assert headers["X-Postmark-Server-Token"] == "a-token"
    assert json.loads(body)["To"] == "you@example.com"


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
