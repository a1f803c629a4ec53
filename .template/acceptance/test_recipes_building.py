"""docs/recipes/building.md in one project: pages, tasks, jobs, mail and logs."""

import io
import json
import time

import heroku
import parts
import pytest
import recipes
import requests
from aiosmtpd.controller import Controller
from aiosmtpd.handlers import Debugging
from deployment import find, log_in, log_in_to_admin, post, shows, token
from projects import change
from scripts import blocks


@pytest.fixture(scope="module")
def building(copy_project, postgres, redis, http_services):
    """The site of a project that follows every recipe of docs/recipes/building.md."""
    followed = [*recipes.sections("recipes/building.md").values()]
    followed.append(recipes.sections("growing.md")["An error tracker"])
    config_vars = {
        "POSTMARK_API_TOKEN": "a-token",
        "INFERENCE_URL": http_services.url,
        "INFERENCE_KEY": "a-key",
        "INFERENCE_MODEL_ID": "a-model",
        "CELERY_BROKER_URL": redis.url,
        "SENTRY_DSN": http_services.url.replace("//", "//key@") + "/1",
        "WEB_CONCURRENCY": "1",
    }
    project, database = copy_project("building"), postgres.create("building")
    # The one thing that the recipe for mail does not set.
    mail_api = f'ANYMAIL_POSTMARK_API_URL = "{http_services.url}"\n'
    project.append("mysite/settings.py", mail_api)
    with recipes.site(project, database, *followed, **config_vars) as site:
        yield site


def test_htmx_sends_a_form_and_a_button_with_the_pages_token(browser, building):
    browser.get(f"{building.url}/greet")
    find(browser, "[name=name]").send_keys("Ada")
    find(browser, "form[hx-post] button").click()
    shows(browser, "#greeting", "Hello, Ada!")
    find(browser, "button[hx-headers]").click()
    parts.wait_until(lambda: not find(browser, "#greeting").text)


def test_bootstrap_has_its_icons_and_its_menus(browser, building):
    browser.get(f"{building.url}/about")
    icon = find(browser, "[type=checkbox]").value_of_css_property("background-image")
    assert icon.startswith('url("data:')
    find(browser, ".dropdown-toggle").click()
    parts.wait_until(lambda: find(browser, ".dropdown-item").is_displayed())


def test_tailwind_and_vite_need_no_node_on_the_dyno(browser, building):
    browser.get(f"{building.url}/tailwind")
    assert find(browser, "h1").value_of_css_property("font-size") == "30px"
    browser.get(f"{building.url}/vite")
    shows(browser, "h1", "Hello from Vite")
    line = find(browser, "h1").value_of_css_property("text-decoration-line")
    assert line == "underline"


def test_compressor_has_joined_the_style_sheets_in_the_build(browser, building):
    browser.get(building.url)
    sheet = find(browser, "[rel=stylesheet]").get_attribute("href")
    path = sheet.removeprefix(building.url)
    assert path.startswith("/static/CACHE/css/output.")
    colour = find(browser, "h1").value_of_css_property("color")
    assert colour == "rgba(0, 128, 128, 1)"
    assert find(browser, "header").value_of_css_property("display") == "flex"
    answer = heroku.Client(building.dyno.port).get(path, Accept_Encoding="gzip")
    assert answer.headers["Content-Encoding"] == "gzip"
    assert "immutable" in answer.headers["Cache-Control"]


def test_an_answer_is_shown_while_it_is_written(browser, building):
    log_in_to_admin(browser, building)
    browser.get(f"{building.url}/ask")
    find(browser, "[name=question]").send_keys("What?")
    find(browser, "form[data-ask] button").click()
    shows(browser, "[data-answer]", "Forty")
    assert "two" not in find(browser, "[data-answer]").text
    shows(browser, "[data-answer]", "Forty-two")


def test_answers_begin_at_once_and_hold_no_connection(building, postgres):
    client = log_in(building)
    form = {"csrfmiddlewaretoken": token(client, "/ask"), "question": "What"}
    headers = {"Host": heroku.HOST, "Origin": f"https://{heroku.HOST}"}
    headers["X-Forwarded-Proto"] = "https"
    cookies = {name: morsel.value for name, morsel in client.cookies.items()}
    sent = {"data": form, "headers": headers, "cookies": cookies}
    url = f"http://127.0.0.1:{building.dyno.port}/ask"
    count = "SELECT count(*) FROM pg_stat_activity WHERE datname = 'building'"
    started = time.monotonic()
    answers = [requests.post(url, **sent, stream=True) for _ in range(12)]
    assert int(postgres.psql(count)) <= 8
    assert log_in(building).get("/admin/").status == 200
    assert time.monotonic() - started < 4  # no answer is complete before five seconds
    assert {answer.text.strip() for answer in answers} == {"Forty-two"}


def test_a_model_that_fails_is_told_in_the_page_the_log_and_the_tracker(
    building, http_services
):
    answer = post(log_in(building), "/ask", {"question": "fail"})
    assert answer.status == 200
    assert answer.text.strip() == "There is no more answer. Please ask again."
    failure = "The language model did not answer"
    parts.wait_until(lambda: failure in building.dyno.log)
    received = http_services.received
    parts.wait_until(lambda: "/api/1/envelope/" in [path for path, *_ in received])


def test_questions_are_answered_by_tasks_two_at_once(browser, building):
    with building.project.dyno("worker.1"), building.project.dyno("worker.2"):
        log_in_to_admin(browser, building)
        browser.get(f"{building.url}/questions")
        find(browser, "[name=question]").send_keys("What?")
        find(browser, "main button").click()
        shows(browser, "[data-answer]", "One moment")
        shows(browser, "[data-answer]", "Forty-two")

        client = log_in(building)
        started = time.monotonic()
        asked = [post(client, "/questions", {"question": "How"}) for _ in range(2)]
        places = [answer.headers["Location"] for answer in asked]

        def answered():
            return all("Forty-two" in client.get(place).text for place in places)

        parts.wait_until(answered)
        assert time.monotonic() - started < 9  # one after another would be ten


def test_a_renamed_task_runs_by_its_old_name_and_a_lost_one_is_queued_again(
    building, postgres
):
    client = log_in(building)
    places = {}
    for name in ("answer_question", "old_name"):
        answer = post(client, "/questions", {"question": name})
        places[name] = answer.headers["Location"]
        number = places[name].rpartition("/")[2]
        postgres.psql(
            "UPDATE django_tasks_database_dbtaskresult"
            f" SET task_path = 'mysite.questions.{name}'"
            f" WHERE args_kwargs->'args' = '[{number}]'",
            "building",
        )
    batch = "python manage.py worker --batch"
    said = building.project.run(batch)
    assert "Forty-two" in client.get(places["answer_question"]).text
    assert "Forty-two" not in client.get(places["old_name"]).text
    assert "path=mysite.questions.old_name cannot be run by this release" in said
    recipe = recipes.sections("recipes/building.md")["A renamed task"]
    [queue_again] = blocks(recipe, "sh")
    command = queue_again.removeprefix("heroku run ").replace("PACKAGE", "mysite")
    building.project.run(command)
    building.project.run(batch)
    assert "Forty-two" in client.get(places["old_name"]).text


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
