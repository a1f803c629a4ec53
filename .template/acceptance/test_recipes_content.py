"""Rich text and Wagtail: docs/recipes/content.md in one project, in a browser."""

import parts
import pytest
import recipes
from bucket import Bucket
from deployment import (
    complaints,
    find,
    log_in,
    log_in_to_admin,
    policy,
    post,
    shows,
    submit,
)
from selenium.webdriver.common.keys import Keys

DIALOG = "return document.querySelector('.tox-dialog')"


@pytest.fixture(scope="module")
def bucket():
    with Bucket() as bucket:
        yield bucket


@pytest.fixture(scope="module")
def site(copy_project, postgres, bucket):
    text = "\n".join(recipes.sections("recipes/content.md").values())
    text = text.replace("https://BUCKET.s3.amazonaws.com", bucket.url)
    project, database = copy_project("content"), postgres.create("content")
    with recipes.site(project, database, text, **bucket.config_vars) as site:
        commands = [line.split()[1] for line in site.of_heroku]
        assert commands == ["addons:create", "ps:scale"]
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


def shown(browser, document):
    """Return the title of a story, and how wide its picture is."""
    title = f"return {document}?.querySelector('h1')?.innerText"
    width = f"return {document}?.querySelector('h1 + img')?.naturalWidth"
    return browser.execute_script(title), browser.execute_script(width)


def write_a_story(browser, site, bucket, picture):
    """Upload a picture, and save the draft of a page with it."""
    browser.get(f"{site.url}/cms/sites/edit/1/")
    port = find(browser, "[name=port]")
    port.clear()
    port.send_keys("443")
    port.submit()
    parts.wait_until(lambda: browser.current_url.endswith("/cms/sites/"))

    browser.get(f"{site.url}/cms/images/multiple/add/")
    find(browser, "#fileupload").send_keys(str(picture))
    parts.wait_until(lambda: bucket.files() == ["original_images/a-picture.png"])

    browser.get(f"{site.url}/cms/pages/add/mysite/storypage/2/")
    find(browser, ".public-DraftEditor-content").send_keys("Once upon a time")
    find(browser, "#id_picture-chooser [data-chooser-action-choose]").click()
    find(browser, "[data-chooser-modal-choice]").click()
    chosen = "return document.querySelector('[name=picture]').value"
    parts.wait_until(lambda: browser.execute_script(chosen))
    find(browser, "[name=title]").send_keys("A story")
    slug = "return document.querySelector('[name=slug]').value"
    parts.wait_until(lambda: browser.execute_script(slug) == "a-story")
    find(browser, "button.action-save").click()
    parts.wait_until(lambda: "/edit/" in browser.current_url)
    # Wagtail saves a draft before it has all fields, and is refused.
    said = complaints(browser)
    assert [text for text in said if "status of 400" not in text] == []


def test_wagtail_shows_a_preview_and_publishes_a_page(browser, site, bucket, tmp_path):
    log_in_to_admin(browser, site)
    picture = tmp_path / "a-picture.png"
    browser.save_screenshot(str(picture))
    write_a_story(browser, site, bucket, picture)
    editor = browser.current_url.removeprefix(site.url)
    find(browser, "[data-side-panel-toggle=preview]").click()
    in_frame = "document.querySelector('#w-preview-iframe')?.contentDocument"
    parts.wait_until(lambda: shown(browser, in_frame) == ("A story", 800))
    publish = "document.querySelector('[name=action-publish]').click()"  # in a menu
    browser.execute_script(publish)
    parts.wait_until(lambda: browser.current_url.endswith("/cms/pages/2/"))

    browser.get(f"{site.url}/pages/a-story/")
    shows(browser, "main", "Once upon a time")
    parts.wait_until(lambda: shown(browser, "document") == ("A story", 800))
    assert "images/a-picture.width-800.png" in bucket.files()

    client = log_in(site)
    assert "script-src 'self' 'unsafe-inline'" in policy(client, "/cms/")
    for path in ("/pages/", "/pages/a-story/", "/documents/"):
        strict = policy(client, path)
        assert "unsafe-inline" not in strict and "frame-ancestors 'none'" in strict

    search = "/cms/pages/search/?q=story"
    assert editor not in client.get(search).text
    site.project.run("python manage.py worker --batch")
    assert editor in client.get(search).text
