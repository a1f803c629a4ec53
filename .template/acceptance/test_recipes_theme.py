"""The recipe for a theme of the admin, whose pages alone have a looser policy."""

import shutil

import heroku
import parts
import pytest
import recipes
from deployment import deployed, find, log_in_to_admin, submit

RECIPES = recipes.sections("recipes/accounts.md")
RECIPE = RECIPES["A theme for the admin, with a policy of its own"]


@pytest.fixture(scope="module")
def project(source, tmp_path_factory):
    """The repository after the recipe."""
    folder = shutil.copytree(source, tmp_path_factory.mktemp("theme") / "source")
    assert recipes.follow(folder, RECIPE) == []
    return folder


@pytest.fixture(scope="module")
def site(project, postgres, secret_key):
    with deployed(project, postgres.create("theme"), secret_key) as site:
        yield site


def is_alive(chromium):
    """Say whether the theme's scripts have run, which need eval."""
    return chromium.execute_script("return Boolean(window.Alpine?.version)")


def test_the_lint_and_the_owners_tests_pass(project):
    recipes.run(project, "ruff check . && ruff format --check .")
    recipes.run(project, "python -m pytest -q tests")


def test_the_themed_admin_works(browser, site):
    assert "Site administration" in log_in_to_admin(browser, site)
    for path in ("", "mysite/user/", "mysite/user/1/change/", "password_change/"):
        browser.get(f"{site.url}/admin/{path}")
        parts.wait_until(lambda: is_alive(browser))
    browser.get(f"{site.url}/admin/mysite/user/add/")
    find(browser, "[name=username]").send_keys("ada")
    find(browser, "[name=password1]").send_keys("blue-harp-9")
    find(browser, "[name=password2]").send_keys("blue-harp-9")
    assert "was added successfully" in submit(browser, "[name=_save]")
    browser.get(f"{site.url}/admin/mysite/user/?q=ada")
    assert "1 result" in find(browser, "body").text


def test_the_looser_policy_is_the_admins_alone(site):
    client = heroku.Client(site.dyno.port)
    for path, loose in (("/admin/login/", True), ("/", False), ("/nothing", False)):
        policy = client.get(path).headers["Content-Security-Policy"]
        assert ("unsafe" in policy) is loose
