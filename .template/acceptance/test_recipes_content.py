"""Rich text and Wagtail: docs/recipes/content.md in one project, in a browser."""

import json

import heroku
import parts
import pytest
import recipes
import requests
from deployment import find, log_in, log_in_to_admin, policy, post, submit
from moto.server import ThreadedMotoServer
from selenium.webdriver.common.keys import Keys

DIALOG = "return document.querySelector('.tox-dialog')"


@pytest.fixture(scope="module")
def s3():
    """A proxy, over TLS and plain, to a server with an empty bucket."""
    server = ThreadedMotoServer("127.0.0.1", port=0)
    server.start()
    _, port = server.get_host_and_port()
    with parts.HAProxy() as proxy:
        proxy.route([port])
        requests.put(f"http://127.0.0.1:{proxy.port}/a-bucket").raise_for_status()
        yield proxy
    server.stop()


@pytest.fixture(scope="module")
def site(copy_project, postgres, s3):
    endpoint = f"https://127.0.0.1:{s3.tls_port}"
    config_vars = {
        "BUCKETEER_BUCKET_NAME": "a-bucket",
        "BUCKETEER_AWS_ACCESS_KEY_ID": "key",
        "BUCKETEER_AWS_SECRET_ACCESS_KEY": "secret",
        "BUCKETEER_AWS_REGION": "us-east-1",
        "AWS_ENDPOINT_URL_S3": endpoint,
        "AWS_CA_BUNDLE": str(s3.certificate),
    }
    text = "\n".join(recipes.sections("recipes/content.md").values())
    text = text.replace("https://BUCKET.s3.amazonaws.com", endpoint)
    project, database = copy_project("content"), postgres.create("content")
    with recipes.site(project, database, text, **config_vars) as site:
        yield site


def test_an_editor_for_rich_text_works_in_the_admin(browser, site):
    log_in_to_admin(browser, site)
    browser.get(f"{site.url}/admin/mysite/article/add/")
    ready = "return window.tinymce?.activeEditor?.initialized"
    parts.wait_until(lambda: browser.execute_script(ready))
    find(browser, "[name=title]").send_keys("A title")
    browser.switch_to.frame(find(browser, "iframe"))
    find(browser, "body").click()
    find(browser, "body").send_keys("In the editor")
    browser.switch_to.default_content()
    find(browser, "[data-mce-name=link]").click()
    url = find(browser, ".tox-dialog .tox-textfield")
    url.send_keys("https://example.com/", Keys.ENTER)
    parts.wait_until(lambda: not browser.execute_script(DIALOG))
    submit(browser, "[name=_continue]")
    body = find(browser, "[name=body]").get_attribute("value")
    assert "In the editor" in body and 'href="https://example.com/"' in body


def test_rich_text_holds_no_script_and_other_pages_keep_the_policy(site):
    client = log_in(site)
    fields = {"title": "A", "body": "<p>B<script>C</script></p>", "_continue": "1"}
    changed = post(client, "/admin/mysite/article/add/", fields).headers["Location"]
    page = client.get(changed).text
    assert "&lt;p&gt;B&lt;/p&gt;" in page and "&lt;script" not in page
    for path in ("/", "/admin/", "/admin/mysite/article/"):
        assert "unsafe-inline" not in policy(client, path)


def holds(s3, name):
    """Say whether a file is in the bucket."""
    listed = requests.get(f"http://127.0.0.1:{s3.port}/a-bucket").text
    return f"<Key>{name}</Key>" in listed


def shown(browser, document):
    """Return the title of a story, and how wide its picture is."""
    title = f"return {document}?.querySelector('h1')?.innerText"
    width = f"return {document}?.querySelector('h1 + img')?.naturalWidth"
    return browser.execute_script(title), browser.execute_script(width)


def test_wagtail_shows_a_preview_and_a_page_with_its_picture(
    browser, site, s3, tmp_path
):
    client = log_in(site)
    fields = {"hostname": heroku.HOST, "port": "443", "root_page": "2"}
    fields["is_default_site"] = "on"
    assert post(client, "/cms/sites/edit/1/", fields).status == 302

    log_in_to_admin(browser, site)
    picture = tmp_path / "a-picture.png"
    browser.save_screenshot(str(picture))
    browser.get(f"{site.url}/cms/images/multiple/add/")
    find(browser, "#fileupload").send_keys(str(picture))
    parts.wait_until(lambda: holds(s3, "original_images/a-picture.png"))

    words = {"key": "1", "type": "unstyled", "text": "Once upon a time"}
    fields = {"title": "A story", "slug": "a-story", "picture": "1"}
    fields["body"] = json.dumps({"blocks": [words], "entityMap": {}})
    fields["action-publish"] = "1"
    assert post(client, "/cms/pages/add/mysite/storypage/2/", fields).status == 302

    browser.get(f"{site.url}/cms/pages/3/edit/")
    assert find(browser, ".public-DraftEditor-content").text == "Once upon a time"
    find(browser, "[data-side-panel-toggle=preview]").click()
    in_frame = "document.querySelector('#w-preview-iframe')?.contentDocument"
    parts.wait_until(lambda: shown(browser, in_frame) == ("A story", 800))
    browser.get(f"{site.url}/pages/a-story/")
    parts.wait_until(lambda: shown(browser, "document") == ("A story", 800))
    assert "Once upon a time" in find(browser, "main").text
    assert holds(s3, "images/a-picture.width-800.png")

    assert "script-src 'self' 'unsafe-inline'" in policy(client, "/cms/")
    for path in ("/pages/", "/pages/a-story/", "/documents/"):
        strict = policy(client, path)
        assert "unsafe-inline" not in strict and "frame-ancestors 'none'" in strict

    search = "/cms/pages/search/?q=story"
    assert "/cms/pages/3/edit/" not in client.get(search).text
    site.project.run("python manage.py worker --batch")
    assert "/cms/pages/3/edit/" in client.get(search).text
