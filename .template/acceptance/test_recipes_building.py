"""Front ends and language models: docs/recipes/building.md in a browser."""

import time
from concurrent.futures import ThreadPoolExecutor

import heroku
import parts
import pytest
import recipes
from recipes import find, shows, style, token
from selenium.webdriver.common.by import By


@pytest.fixture(scope="module")
def dyno(building):
    with heroku.Dyno(building.slug, building.config_vars, WEB_CONCURRENCY="1") as dyno:
        yield dyno


@pytest.fixture(scope="module")
def address(dyno):
    with parts.HAProxy() as router:
        router.route([dyno.port])
        yield f"https://127.0.0.1:{router.tls_port}"


@pytest.fixture(scope="module")
def visitor(chromium, address):
    """A browser that is logged in."""
    recipes.log_in_with(chromium, address)
    return chromium


@pytest.fixture
def client(dyno):
    """A client that is logged in."""
    return recipes.log_in(dyno)


def test_htmx_sends_a_form_and_a_button_with_the_pages_token(visitor, address):
    visitor.get(f"{address}/greet")
    find(visitor, "[name=name]").send_keys("Ada")
    visitor.find_element(By.XPATH, "//button[text()='Greet']").click()
    shows(visitor, "#greeting", "Hello, Ada!")
    visitor.find_element(By.XPATH, "//button[text()='Clear']").click()
    parts.wait_until(lambda: not find(visitor, "#greeting").text)
    assert visitor.get_log("browser") == []


def test_bootstrap_has_its_icons_and_its_menus(visitor, address):
    visitor.get(f"{address}/about")
    assert style(visitor, "[type=checkbox]", "backgroundImage").startswith('url("data:')
    find(visitor, ".dropdown-toggle").click()
    parts.wait_until(lambda: find(visitor, ".dropdown-item").is_displayed())
    assert visitor.get_log("browser") == []


def test_tailwind_and_vite_need_no_node_on_the_dyno(visitor, address):
    visitor.get(f"{address}/tailwind")
    assert style(visitor, "h1", "fontSize") == "30px"
    visitor.get(f"{address}/vite")
    shows(visitor, "h1", "Hello from Vite")
    assert style(visitor, "h1", "color") == "rgb(102, 51, 153)"
    assert visitor.get_log("browser") == []


def test_an_answer_is_shown_while_it_is_written(visitor, address):
    visitor.get(f"{address}/ask")
    find(visitor, "[name=question]").send_keys("What?")
    find(visitor, "form[data-ask] button").click()
    shows(visitor, "[data-answer]", "Forty")
    assert "two" not in find(visitor, "[data-answer]").text
    shows(visitor, "[data-answer]", "Forty-two")
    assert visitor.get_log("browser") == []


def test_answers_begin_at_once_and_hold_no_connection(dyno, client, postgres):
    field = token(client, "/ask")
    count = "SELECT count(*) FROM pg_stat_activity WHERE datname = 'building'"
    started = time.monotonic()
    held = []

    def ask(_):
        other = heroku.Client(dyno.port)
        other.cookies = client.cookies
        sent = {
            "Host": heroku.HOST,
            "X-Forwarded-Proto": "https",
            "Referer": recipes.REFERER,
            "Content-Type": "application/x-www-form-urlencoded",
            "Cookie": "; ".join(f"{n}={m.value}" for n, m in client.cookies.items()),
        }
        other.connection.request("POST", "/ask", f"{field}&question=What", sent)
        answer = other.connection.getresponse()
        answer.read(1)
        first = time.monotonic() - started
        return first, answer.read().decode()

    with ThreadPoolExecutor(30) as threads:
        asked = [threads.submit(ask, number) for number in range(30)]
        time.sleep(1.5)
        held.append(int(postgres.psql(count)))
        assert recipes.log_in(dyno).get("/admin/").status == 200
        assert time.monotonic() - started < 4
        answers = [future.result() for future in asked]
    assert {text for _, text in answers} == {"Forty-two"}
    assert max(first for first, _ in answers) < 2  # the model thinks for two seconds
    assert held[0] <= 8


def test_a_model_that_fails_is_told_in_the_page_the_log_and_the_tracker(
    dyno, client, http_services
):
    form = f"{token(client, '/ask')}&question=fail"
    answer = client.post("/ask", form, Referer=recipes.REFERER)
    assert (answer.status, answer.text.strip()) == (
        200,
        "There is no more answer. Please ask again.",
    )
    parts.wait_until(lambda: "The language model did not answer" in dyno.log)

    def reported():
        paths = [path for path, *_ in http_services.received]
        return "/api/1/envelope/" in paths

    parts.wait_until(reported)


def test_questions_are_answered_by_tasks_two_at_once(building, dyno, visitor, address):
    with (
        heroku.Dyno(building.slug, building.config_vars, "worker.1"),
        heroku.Dyno(building.slug, building.config_vars, "worker.2"),
    ):
        visitor.get(f"{address}/questions")
        find(visitor, "[name=question]").send_keys("What?")
        find(visitor, "main button").click()
        shows(visitor, "[data-answer]", "One moment")
        shows(visitor, "[data-answer]", "Forty-two")
        assert visitor.get_log("browser") == []

        client = recipes.log_in(dyno)
        field = token(client, "/questions")
        started = time.monotonic()
        form = f"{field}&question=How"
        places = [
            client.post("/questions", form, Referer=recipes.REFERER).headers["Location"]
            for _ in range(2)
        ]

        def answered():
            return all("Forty-two" in client.get(place).text for place in places)

        parts.wait_until(answered)
        assert time.monotonic() - started < 9  # one after another would be ten


def test_a_renamed_task_runs_by_its_old_name_and_a_lost_one_is_queued_again(
    building, postgres, client
):
    form = f"{token(client, '/questions')}&question=Old"
    old = client.post("/questions", form, Referer=recipes.REFERER).headers["Location"]
    lost = client.post("/questions", form, Referer=recipes.REFERER).headers["Location"]
    for place, name in ((old, "answer_question"), (lost, "old_name")):
        number = place.rpartition("/")[2]
        postgres.psql(
            "UPDATE django_tasks_database_dbtaskresult"
            f" SET task_path = 'mysite.questions.{name}'"
            f" WHERE args_kwargs->'args' = '[{number}]'",
            "building",
        )
    batch = "python manage.py worker --batch"
    said = heroku.run(building.slug, building.config_vars, batch)
    assert "Forty-two" in client.get(old).text
    assert "Forty-two" not in client.get(lost).text
    assert "path=mysite.questions.old_name cannot be run by this release" in said
    [queue_again] = [line for line in building.of_heroku if "old_name" in line]
    command = queue_again.removeprefix("heroku run ")
    heroku.run(building.slug, building.config_vars, command)
    heroku.run(building.slug, building.config_vars, batch)
    assert "Forty-two" in client.get(lost).text
