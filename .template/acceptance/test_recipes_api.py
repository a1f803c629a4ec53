"""The recipes for an API with django-ninja, and for a front end of another origin."""

import json
import shutil

import heroku
import parts
import pytest
import recipes
from deployment import complaints, deployed, find, log_in_to_admin
from projects import served
from selenium.webdriver.common.by import By

RECIPES = recipes.sections("recipes/apis.md")
NINJA = "An API with django-ninja"
CORS = "A front end of another origin calls the API"
ELSEWHERE = "An API with Django REST framework"  # test_recipes_accounts follows it
FETCH = """
const [url, options, done] = arguments;
fetch(url, options).then(r => r.text()).then(done, error => done(error.message));
"""


@pytest.fixture(scope="module")
def front_end(tmp_path_factory):
    """The URL of a page of another origin."""
    folder = tmp_path_factory.mktemp("front")
    page = '<!doctype html><link rel="icon" href="data:,"><title>Front</title>'
    (folder / "index.html").write_text(page)
    with served(folder) as url:
        yield url


@pytest.fixture(scope="module")
def project(source, tmp_path_factory):
    """The repository after both recipes."""
    folder = shutil.copytree(source, tmp_path_factory.mktemp("api") / "source")
    [command] = recipes.follow(folder, RECIPES[NINJA], RECIPES[CORS])
    assert command.startswith('heroku config:set CORS_ORIGINS="https://')
    return folder


@pytest.fixture(scope="module")
def site(project, postgres, secret_key, front_end):
    origins = f"https://www.example.com {front_end}"
    database_url = postgres.create("api")
    with deployed(project, database_url, secret_key, CORS_ORIGINS=origins) as site:
        yield site


def fetch(chromium, page, url, **options):
    """Let a page fetch a URL, and return the text of the answer or of the error."""
    chromium.get(page)
    return chromium.execute_async_script(FETCH, url, options)


def test_every_recipe_is_followed():
    assert sorted(RECIPES) == sorted([NINJA, CORS, ELSEWHERE])


def test_the_lint_and_the_owners_tests_pass(project):
    recipes.run(project, "ruff check . && ruff format --check .")
    recipes.run(project, "python -m pytest -q tests")


def test_the_api_answers_everybody_or_who_is_logged_in(browser, site):
    client = heroku.Client(site.dyno.port)
    assert client.get("/api/me").status == 401
    answer = client.get("/api/greeting?name=Ada")
    assert json.loads(answer.text) == {"greeting": "Hello, Ada!"}
    log_in_to_admin(browser, site)
    browser.get(f"{site.url}/api/me")
    assert json.loads(find(browser, "pre").text)["username"] == "root"


def test_the_api_throttles_each_visitor(site):
    client = heroku.Client(site.dyno.port)
    attacker = {"X_Forwarded_For": "203.0.113.99"}
    answers = [client.get("/api/greeting", **attacker) for _ in range(21)]
    assert [answer.status for answer in answers] == [200] * 20 + [429]
    visitor = {"X_Forwarded_For": "203.0.113.98"}
    assert client.get("/api/greeting", **visitor).status == 200


def test_the_page_of_the_api_is_complete_and_tries_it(browser, site):
    browser.get(f"{site.url}/api/docs")
    parts.wait_until(lambda: "/api/greeting" in find(browser, "body").text)
    browser.find_element(By.XPATH, "//span[.='/api/greeting']").click()
    find(browser, ".try-out__btn").click()
    find(browser, ".execute").click()
    parts.wait_until(lambda: "Hello, world!" in find(browser, "body").text)


def test_the_looser_policy_is_that_pages_alone(site):
    client = heroku.Client(site.dyno.port)
    docs = client.get("/api/docs").headers["Content-Security-Policy"]
    assert "style-src 'self' 'unsafe-inline'" in docs and "script-src 'self';" in docs
    for path in ("/", "/api/greeting", "/admin/login/"):
        assert "unsafe" not in client.get(path).headers["Content-Security-Policy"]


def test_a_front_end_of_another_origin_calls_the_api(browser, site, front_end):
    url = f"{site.url}/api/greeting"
    answer = fetch(browser, front_end, url)
    assert json.loads(answer) == {"greeting": "Hello, world!"}
    token = {"Authorization": "Bearer a-token"}
    assert "Hello" in fetch(browser, front_end, url, headers=token)


def test_other_origins_other_pages_and_sessions_stay_closed(browser, site, front_end):
    log_in_to_admin(browser, site)
    stranger = front_end.replace("127.0.0.1", "localhost")
    for page, path, credentials in (
        (stranger, "/api/greeting", "omit"),
        (front_end, "/", "omit"),
        (front_end, "/api/me", "include"),
    ):
        url = f"{site.url}{path}"
        answer = fetch(browser, page, url, credentials=credentials)
        assert answer == "Failed to fetch"
        assert "blocked by CORS policy" in complaints(browser)[0]
    client = heroku.Client(site.dyno.port)
    answer = client.get("/api/nothing", Origin=front_end)
    assert answer.status == 404
    assert answer.headers["Access-Control-Allow-Origin"] == front_end
    assert "Access-Control-Allow-Credentials" not in answer.headers
