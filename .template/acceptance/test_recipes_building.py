"""What docs/recipes/building.md says, done in one project, built, released and used."""

import json
import re
import shutil
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace

import heroku
import parts
import pytest
import recipes
from selenium.webdriver.common.by import By

PASSWORD = "a-password-for-root"
OWNER = {
    "DJANGO_SUPERUSER_USERNAME": "root",
    "DJANGO_SUPERUSER_EMAIL": "root@example.com",
    "DJANGO_SUPERUSER_PASSWORD": PASSWORD,
}

# The mail API's address is the one thing that the recipe does not set.
TRIAL = """from .settings import *  # noqa: F403

if "MAIL_API" in os.environ:  # noqa: F405
    MAILERS["default"]["OPTIONS"]["api_url"] = os.environ["MAIL_API"]  # noqa: F405
"""


class Services(BaseHTTPRequestHandler):
    """A language model, a mail provider and an error tracker."""

    protocol_version = "HTTP/1.1"

    def do_POST(self):  # noqa: N802
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.headers.get("Transfer-Encoding") == "chunked":
            while size := int(self.rfile.readline(), 16):
                body += self.rfile.read(size)
                self.rfile.readline()
        self.server.received.append((self.path, dict(self.headers), body))
        if self.path == "/v1/chat/completions":
            self.answer(json.loads(body)["messages"][0]["content"])
        else:
            sent = {"ErrorCode": 0, "MessageID": "1", "Message": "OK", "To": "a@b.c"}
            self.reply(200, "application/json", json.dumps(sent).encode())

    def reply(self, status, kind, content):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def answer(self, question):
        """Think for two seconds, then answer with three words, one a second."""
        if question == "fail":
            return self.reply(500, "application/json", b"{}")
        time.sleep(2)
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        for word in ("Forty", "-", "two"):
            choice = {"index": 0, "delta": {"content": word}}
            chunk = {"object": "chat.completion.chunk", "choices": [choice]}
            self.wfile.write(f"data: {json.dumps(chunk)}\n\n".encode())
            time.sleep(1)
        self.wfile.write(b"data: [DONE]\n\n")
        self.close_connection = True

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def services():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Services)
    server.received = []
    server.url = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def site(source, tmp_path_factory, postgres, secret_key, services):
    """The slug of a project that follows every recipe, and its config vars."""
    folder = tmp_path_factory.mktemp("building")
    project = shutil.copytree(source, folder / "project")
    sections = list(recipes.sections("recipes/building.md").values())
    sections.append(recipes.sections("growing.md")["An error tracker"])
    text = "\n".join(sections).replace("PACKAGE", recipes.PACKAGE)
    of_heroku = recipes.follow(project, text)
    assert [line.split()[1] for line in of_heroku].count("addons:create") == 1
    (project / "mysite/trial.py").write_text(TRIAL)
    shutil.rmtree(project / "frontend/node_modules")  # .gitignore names it
    config_vars = {
        "DJANGO_SECRET_KEY": secret_key,
        "DATABASE_URL": postgres.create("building"),
        "DJANGO_ALLOWED_HOSTS": "127.0.0.1",
        "POSTMARK_API_TOKEN": "a-token",
        "INFERENCE_URL": services.url,
        "INFERENCE_KEY": "a-key",
        "INFERENCE_MODEL_ID": "a-model",
        "SENTRY_DSN": services.url.replace("//", "//key@") + "/1",
    }
    slug = heroku.build(project, folder / "slug", config_vars)
    heroku.release(slug, config_vars)
    create = "python manage.py createsuperuser --noinput"
    heroku.run(slug, config_vars, create, **OWNER)
    return SimpleNamespace(
        slug=slug, config_vars=config_vars, project=project, of_heroku=of_heroku
    )


@pytest.fixture(scope="module")
def dyno(site):
    with heroku.Dyno(site.slug, site.config_vars, WEB_CONCURRENCY="1") as dyno:
        yield dyno


@pytest.fixture(scope="module")
def address(dyno):
    with parts.HAProxy() as router:
        router.route([dyno.port])
        yield f"https://127.0.0.1:{router.tls_port}"


@pytest.fixture(scope="module")
def visitor(chromium, address):
    """A browser that is logged in."""
    chromium.get(f"{address}/admin/login/")
    chromium.find_element(By.NAME, "username").send_keys("root")
    chromium.find_element(By.NAME, "password").send_keys(PASSWORD)
    chromium.find_element(By.CSS_SELECTOR, "[type=submit]").click()
    parts.wait_until(lambda: "/login/" not in chromium.current_url)
    chromium.get_log("browser")
    return chromium


@pytest.fixture
def client(dyno):
    """A client that is logged in."""
    return log_in(dyno)


def log_in(dyno):
    client = heroku.Client(dyno.port)
    form = f"username=root&password={PASSWORD}&{token(client, '/admin/login/')}"
    assert client.post("/admin/login/", form, Referer=REFERER).status == 302
    return client


REFERER = f"https://{heroku.HOST}/"


def token(client, path):
    """Return the field with the CSRF token of a form."""
    page = client.get(path).text
    found = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page)[1]
    return f"csrfmiddlewaretoken={found}"


def find(browser, selector):
    return browser.find_element(By.CSS_SELECTOR, selector)


def style(browser, selector, name):
    script = (
        "return getComputedStyle(document.querySelector(arguments[0]))[arguments[1]]"
    )
    return browser.execute_script(script, selector, name)


def shows(browser, selector, text):
    """Wait until an element has a text, in a page that may load itself again."""
    script = "return document.querySelector(arguments[0])?.textContent ?? ''"
    parts.wait_until(lambda: text in browser.execute_script(script, selector), 15)


def test_the_lint_and_the_owners_tests_pass(site):
    # "ruff format" tidies what makemigrations wrote: docs/recipes.md says so.
    checks = "ruff check . && ruff format --check --exclude migrations ."
    recipes.run(site.project, checks)
    recipes.run(site.project, "python -m pytest -q tests")


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
            "Referer": REFERER,
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
        assert log_in(dyno).get("/admin/").status == 200
        assert time.monotonic() - started < 4
        answers = [future.result() for future in asked]
    assert {text for _, text in answers} == {"Forty-two"}
    assert max(first for first, _ in answers) < 2  # the model thinks for two seconds
    assert held[0] <= 8


def test_a_model_that_fails_is_told_in_the_page_the_log_and_the_tracker(
    dyno, client, services
):
    form = f"{token(client, '/ask')}&question=fail"
    answer = client.post("/ask", form, Referer=REFERER)
    assert (answer.status, answer.text.strip()) == (
        200,
        "There is no more answer. Please ask again.",
    )
    parts.wait_until(lambda: "The language model did not answer" in dyno.log)

    def reported():
        paths = [path for path, *_ in services.received]
        return "/api/1/envelope/" in paths

    parts.wait_until(reported)


def test_questions_are_answered_by_tasks_two_at_once(site, dyno, visitor, address):
    with (
        heroku.Dyno(site.slug, site.config_vars, "worker.1"),
        heroku.Dyno(site.slug, site.config_vars, "worker.2"),
    ):
        visitor.get(f"{address}/questions")
        find(visitor, "[name=question]").send_keys("What?")
        find(visitor, "main button").click()
        shows(visitor, "[data-answer]", "One moment")
        shows(visitor, "[data-answer]", "Forty-two")
        assert visitor.get_log("browser") == []

        client = log_in(dyno)
        field = token(client, "/questions")
        started = time.monotonic()
        form = f"{field}&question=How"
        places = [
            client.post("/questions", form, Referer=REFERER).headers["Location"]
            for _ in range(2)
        ]

        def answered():
            return all("Forty-two" in client.get(place).text for place in places)

        parts.wait_until(answered)
        assert time.monotonic() - started < 9  # one after another would be ten


def test_a_renamed_task_runs_by_its_old_name_and_a_lost_one_is_queued_again(
    site, postgres, client
):
    form = f"{token(client, '/questions')}&question=Old"
    old = client.post("/questions", form, Referer=REFERER).headers["Location"]
    lost = client.post("/questions", form, Referer=REFERER).headers["Location"]
    for place, name in ((old, "answer_question"), (lost, "old_name")):
        number = place.rpartition("/")[2]
        postgres.psql(
            "UPDATE django_tasks_database_dbtaskresult"
            f" SET task_path = 'mysite.questions.{name}'"
            f" WHERE args_kwargs->'args' = '[{number}]'",
            "building",
        )
    batch = "python manage.py worker --batch"
    said = heroku.run(site.slug, site.config_vars, batch)
    assert "Forty-two" in client.get(old).text
    assert "Forty-two" not in client.get(lost).text
    assert "path=mysite.questions.old_name cannot be run by this release" in said
    [queue_again] = [line for line in site.of_heroku if "old_name" in line]
    command = queue_again.removeprefix("heroku run ")
    heroku.run(site.slug, site.config_vars, command)
    heroku.run(site.slug, site.config_vars, batch)
    assert "Forty-two" in client.get(lost).text


def test_a_scheduled_job_runs_in_a_dyno_of_its_own(site):
    said = heroku.run(site.slug, site.config_vars, "python manage.py count_users")
    assert "1 users" in said


def test_mail_goes_by_the_providers_api(site, services):
    more = {"MAIL_API": services.url, "DJANGO_SETTINGS_MODULE": "mysite.trial"}
    send = "python manage.py sendtestemail you@example.com"
    heroku.run(site.slug, site.config_vars, send, **more)
    [[path, headers, body]] = [s for s in services.received if s[0] == "/email"]
    assert headers["X-Postmark-Server-Token"] == "a-token"
    assert json.loads(body)["To"] == "you@example.com"


def all_json(log):
    """Say whether each line has what a drain asks for."""
    events = [json.loads(line) for line in log.splitlines()]
    keys = {"levelname", "name", "message", "request_id"}
    return events and all(keys <= event.keys() for event in events)


def test_each_line_of_a_dynos_log_is_json(dyno, client):
    client.get("/no-such-page")
    parts.wait_until(lambda: "/no-such-page" in dyno.log)
    assert all_json(dyno.log)
    events = [json.loads(line) for line in dyno.log.splitlines()]
    [event] = [e for e in events if e.get("fields", {}).get("path") == "/no-such-page"]
    assert event["name"] == "access" and event["fields"]["status"] == "404"


def test_release_and_worker_pass_with_the_settings_of_all_recipes(site):
    with heroku.Dyno(site.slug, site.config_vars, "worker.1") as worker:
        parts.wait_until(lambda: "Starting worker" in worker.log)
        assert all_json(worker.log)
