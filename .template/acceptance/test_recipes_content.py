"""Rich text and Wagtail: docs/recipes/content.md in one project, in a browser."""

import shutil
import struct
import zlib

import heroku
import parts
import pytest
import recipes
from bucket import Bucket
from recipes import REFERER, find, token
from selenium.webdriver.common.keys import Keys

DIALOG = "return document.querySelector('.tox-dialog')"


@pytest.fixture(scope="module")
def bucket():
    with Bucket() as bucket:
        yield bucket


@pytest.fixture(scope="module")
def site(source, tmp_path_factory, postgres, secret_key, bucket):
    """The project after both recipes, deployed."""
    folder = tmp_path_factory.mktemp("content")
    text = "\n".join(recipes.sections("recipes/content.md").values())
    text = text.replace("PACKAGE", recipes.PACKAGE)
    text = text.replace("https://BUCKET.s3.amazonaws.com", bucket.url)
    project = shutil.copytree(source, folder / "project")
    of_heroku = recipes.follow(project, text)
    assert [line.split()[1] for line in of_heroku] == ["addons:create", "ps:scale"]
    config_vars = {
        "DJANGO_SECRET_KEY": secret_key,
        "DATABASE_URL": postgres.create("content"),
        "DJANGO_ALLOWED_HOSTS": "127.0.0.1",
        **bucket.config_vars,
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
    find(visitor, "[data-mce-name=link]").click()
    url = find(visitor, ".tox-dialog .tox-textfield")
    url.send_keys("https://example.com/", Keys.ENTER)
    parts.wait_until(lambda: not visitor.execute_script(DIALOG))
    assert visitor.get_log("browser") == []
    find(visitor, "[name=_continue]").click()
    parts.wait_until(lambda: "/change/" in visitor.current_url)
    body = find(visitor, "[name=body]").get_attribute("value")
    assert "In the editor" in body and 'href="https://example.com/"' in body
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


def picture(path):
    """Write a picture of one colour, 600 x 400."""

    def chunk(kind, data):
        check = struct.pack(">I", zlib.crc32(kind + data))
        return struct.pack(">I", len(data)) + kind + data + check

    header = struct.pack(">IIBBBBB", 600, 400, 8, 2, 0, 0, 0)
    rows = (b"\0" + b"\x80\x20\x60" * 600) * 400
    chunks = chunk(b"IHDR", header), chunk(b"IDAT", zlib.compress(rows))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(chunks) + chunk(b"IEND", b""))
    return path


def complaints(browser):
    """Return what the console says, but for drafts that Wagtail saves too early."""
    said = [entry["message"] for entry in browser.get_log("browser")]
    return [text for text in said if "status of 400" not in text]


def shown(browser, document):
    """Return the title of a story, and how wide its picture is."""
    heading = browser.execute_script(
        f"return {document}?.querySelector('h1')?.innerText"
    )
    width = f"return {document}?.querySelector('h1 + img')?.naturalWidth"
    return heading, browser.execute_script(width)


@pytest.fixture(scope="module")
def story(visitor, address, bucket, tmp_path_factory):
    """The path of a page's editor, after its draft was saved with a picture."""
    visitor.get(f"{address}/cms/sites/edit/1/")
    port = find(visitor, "[name=port]")
    port.clear()
    port.send_keys("443")
    port.submit()
    parts.wait_until(lambda: visitor.current_url.endswith("/cms/sites/"))

    file = picture(tmp_path_factory.mktemp("picture") / "a-picture.png")
    visitor.get(f"{address}/cms/images/multiple/add/")
    find(visitor, "#fileupload").send_keys(str(file))
    parts.wait_until(lambda: bucket.files() == ["original_images/a-picture.png"])

    visitor.get(f"{address}/cms/pages/add/mysite/storypage/2/")
    find(visitor, ".public-DraftEditor-content").send_keys("Once upon a time")
    find(visitor, "#id_picture-chooser [data-chooser-action-choose]").click()
    find(visitor, "[data-chooser-modal-choice]").click()
    chosen = "return document.querySelector('[name=picture]').value"
    parts.wait_until(lambda: visitor.execute_script(chosen))
    find(visitor, "[name=title]").send_keys("A story")
    slug = "return document.querySelector('[name=slug]').value"
    parts.wait_until(lambda: visitor.execute_script(slug) == "a-story")
    find(visitor, "button.action-save").click()
    parts.wait_until(lambda: "/edit/" in visitor.current_url)
    return visitor.current_url.removeprefix(address)


def test_wagtail_shows_a_preview_and_publishes_a_page(visitor, address, story, bucket):
    assert complaints(visitor) == []
    visitor.get(f"{address}{story}")
    find(visitor, "[data-side-panel-toggle=preview]").click()
    in_frame = "document.querySelector('#w-preview-iframe')?.contentDocument"
    parts.wait_until(lambda: shown(visitor, in_frame) == ("A story", 600))
    publish = "document.querySelector('[name=action-publish]').click()"  # in a menu
    visitor.execute_script(publish)
    parts.wait_until(lambda: visitor.current_url.endswith("/cms/pages/2/"))
    assert complaints(visitor) == []

    visitor.get(f"{address}/pages/a-story/")
    recipes.shows(visitor, "main", "Once upon a time")
    parts.wait_until(lambda: shown(visitor, "document") == ("A story", 600))
    assert visitor.get_log("browser") == []
    assert "images/a-picture.width-800.png" in bucket.files()


def test_the_worker_keeps_wagtails_search_index(site, client, story):
    search = "/cms/pages/search/?q=story"
    assert story not in client.get(search).text
    heroku.run(site.slug, site.config_vars, "python manage.py worker --batch")
    assert story in client.get(search).text


def test_only_wagtails_admin_has_the_looser_policy(client):
    loose = client.get("/cms/").headers["Content-Security-Policy"]
    assert "script-src 'self' 'unsafe-inline'" in loose
    for path in ("/pages/", "/pages/a-story/", "/documents/"):
        strict = client.get(path).headers["Content-Security-Policy"]
        assert "unsafe-inline" not in strict and "frame-ancestors 'none'" in strict
