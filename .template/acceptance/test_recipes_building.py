"""docs/recipes/building.md in one project: front ends, language models and tasks."""

import time

import heroku
import parts
import recipes
import requests
from deployment import find, log_in, log_in_to_admin, post, shows, token
from scripts import blocks


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
