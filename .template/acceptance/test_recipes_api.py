"""The recipes for an API, with each framework and for a front end of another origin."""

import json

import heroku
import parts
import pytest
import recipes
from deployment import complaints, find, log_in, log_in_to_admin, policy

REST, DESCRIPTION, NINJA, CORS = recipes.sections("recipes/apis.md").values()
# The recipes of each framework, and the path that everybody may ask for.
FRAMEWORKS = {
    "rest": ([REST, DESCRIPTION], "/api/schema"),
    "ninja": ([NINJA], "/api/greeting"),
}

FETCH = """
const [url, options, done] = arguments;
fetch(url, options).then(r => r.text()).then(done, error => done(error.message));
"""


@pytest.fixture(scope="module", params=FRAMEWORKS)
def site(request, copy_project, postgres, http_services):
    """The site with one of the two."""
    name = request.param
    followed, opened = FRAMEWORKS[name]
    project, database = copy_project(name), postgres.create(name)
    origins = {"CORS_ORIGINS": f"https://www.example.com {http_services.url}"}
    with recipes.site(project, database, *followed, CORS, **origins) as site:
        site.opened = opened
        site.front_end = http_services.url
        yield site


def fetch(chromium, origin, url, **options):
    """Let a front end fetch a URL, and return the text of the answer or the error."""
    chromium.get(f"{origin}/front-end")
    return chromium.execute_async_script(FETCH, url, options)


def test_the_api_shows_who_is_logged_in(site):
    assert heroku.Client(site.dyno.port).get("/api/me").status in (401, 403)
    answer = log_in(site).get("/api/me")
    assert json.loads(answer.text)["username"] == "root"
    assert answer.headers["Content-Type"].startswith("application/json")


def test_the_page_of_the_api_is_complete_and_has_a_looser_policy_alone(browser, site):
    browser.get(f"{site.url}/api/docs")
    parts.wait_until(lambda: "/api/me" in find(browser, "body").text)
    client = heroku.Client(site.dyno.port)
    docs = policy(client, "/api/docs")
    assert "style-src 'self' 'unsafe-inline'" in docs and "script-src 'self';" in docs
    for path in ("/", site.opened, "/admin/login/"):
        assert "unsafe" not in policy(client, path)


def test_a_front_end_of_another_origin_calls_the_api(browser, site):
    url = f"{site.url}{site.opened}"
    answer = fetch(browser, site.front_end, url)
    assert "The API" in answer or json.loads(answer) == {"greeting": "Hello, world!"}
    token = {"Authorization": "Bearer a-token"}
    assert fetch(browser, site.front_end, url, headers=token) == answer


def test_other_origins_other_pages_and_sessions_stay_closed(browser, site):
    log_in_to_admin(browser, site)
    stranger = site.front_end.replace("127.0.0.1", "localhost")
    for origin, path, credentials in (
        (stranger, site.opened, "omit"),
        (site.front_end, "/", "omit"),
        (site.front_end, "/api/me", "include"),
    ):
        url = f"{site.url}{path}"
        answer = fetch(browser, origin, url, credentials=credentials)
        assert answer == "Failed to fetch"
        assert "blocked by CORS policy" in complaints(browser)[0]


def test_the_api_throttles_each_visitor(site):
    client = heroku.Client(site.dyno.port)

    def visit(forged):
        return client.get(site.opened, X_Forwarded_For=f"{forged}, 203.0.113.99").status

    statuses = [visit(f"198.51.100.{number}") for number in range(21)]
    assert statuses == [200] * 20 + [429]
    assert client.get(site.opened).status == 200
