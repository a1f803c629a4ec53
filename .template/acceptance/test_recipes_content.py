"""Rich text: docs/recipes/content.md in a browser."""

import shutil

import heroku
import parts
import pytest
import recipes
from recipes import REFERER, find, token


@pytest.fixture(scope="module")
def site(source, tmp_path_factory, postgres, secret_key):
    """The project after the recipe, deployed."""
    folder = tmp_path_factory.mktemp("content")
    text = "\n".join(recipes.sections("recipes/content.md").values())
    text = text.replace("PACKAGE", recipes.PACKAGE)
    project = shutil.copytree(source, folder / "project")
    recipes.follow(project, text)
    config_vars = {
        "DJANGO_SECRET_KEY": secret_key,
        "DATABASE_URL": postgres.create("content"),
        "DJANGO_ALLOWED_HOSTS": "127.0.0.1",
    }
    return recipes.deploy(project, folder, config_vars)


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
    recipes.log_in_with(chromium, address)
    return chromium


@pytest.fixture
def client(dyno):
    """A client that is logged in."""
    return recipes.log_in(dyno)


def test_the_lint_and_the_owners_tests_pass(site):
    checks = "ruff check . && ruff format --check --exclude migrations ."
    recipes.run(site.project, checks)
    recipes.run(site.project, "python -m pytest -q tests")


def test_an_editor_for_rich_text_works_in_the_admin(visitor, address):
    visitor.get(f"{address}/admin/mysite/article/add/")
    ready = "return window.tinymce?.activeEditor?.initialized"
    parts.wait_until(lambda: visitor.execute_script(ready))
    find(visitor, "[name=title]").send_keys("A title")
    visitor.switch_to.frame(find(visitor, "iframe"))
    find(visitor, "body").click()
    find(visitor, "body").send_keys("In the editor")
    visitor.switch_to.default_content()
    assert visitor.get_log("browser") == []
    find(visitor, "[name=_continue]").click()
    parts.wait_until(lambda: "/change/" in visitor.current_url)
    body = find(visitor, "[name=body]").get_attribute("value")
    assert body == "<p>In the editor</p>"
    assert visitor.get_log("browser") == []


def test_rich_text_holds_no_script_and_other_pages_keep_the_policy(client):
    add = "/admin/mysite/article/add/"
    form = f"{token(client, add)}&title=A&body=<p>B<script>C</script></p>&_continue=1"
    changed = client.post(add, form, Referer=REFERER).headers["Location"]
    page = client.get(changed).text
    assert "&lt;p&gt;B&lt;/p&gt;" in page and "&lt;script" not in page
    for path in ("/", "/admin/", "/admin/mysite/article/"):
        policy = client.get(path).headers["Content-Security-Policy"]
        assert "unsafe-inline" not in policy
