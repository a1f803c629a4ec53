"""The admin in Chromium, under the policy of production: all of it works."""

from pathlib import Path

import heroku
import parts
import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import Select

NAME, PASSWORD = "root", "a-password-for-root"

CDN = """
defaults
  mode http
  timeout connect 5s
  timeout client 5s
  timeout server 5s
frontend cdn
  bind 127.0.0.1:{port}
  bind 127.0.0.1:{tls_port} ssl crt {folder}/server.pem
  http-request return status 200 content-type text/javascript string "{script}"
"""


@pytest.fixture(scope="module")
def admin(slug, postgres, secret_key, chromium):
    """Go to a page of the admin, as somebody who may do everything."""
    config_vars = {
        "DJANGO_SECRET_KEY": secret_key,
        "DATABASE_URL": postgres.create("admin"),
        "EMAIL_URL": "smtp://user:password@127.0.0.1:1",
    }
    heroku.release(slug, config_vars)
    owner = {
        "DJANGO_SUPERUSER_USERNAME": NAME,
        "DJANGO_SUPERUSER_EMAIL": "root@example.com",
        "DJANGO_SUPERUSER_PASSWORD": PASSWORD,
    }
    heroku.run(slug, config_vars, "python manage.py createsuperuser --noinput", **owner)
    rehearsed = {"DJANGO_SETTINGS_MODULE": "rehearsal.settings"}
    rehearsed["PYTHONPATH"] = str(Path(__file__).parent)
    task = 'from rehearsal.tasks import record; record.enqueue("seen")'
    command = f"python manage.py shell -c '{task}'"
    heroku.run(slug, config_vars, command, **rehearsed)
    with parts.HAProxy() as router, heroku.Dyno(slug, config_vars) as dyno:
        router.route([dyno.port])
        site = f"https://{heroku.HOST}:{router.tls_port}"

        def go(path):
            chromium.get(f"{site}/admin/{path}")

        go("")
        chromium.find_element(By.NAME, "username").send_keys(NAME)
        chromium.find_element(By.NAME, "password").send_keys(PASSWORD)
        submit(chromium)
        assert "Site administration" in chromium.page_source
        yield go
        assert "level=error" not in dyno.log


def complaints(chromium):
    """Return what the browser has said since it was asked last, but for its hints."""
    said = chromium.get_log("browser")
    bad = ("WARNING", "SEVERE")
    return [entry["message"] for entry in said if entry["level"] in bad]


@pytest.fixture(autouse=True)
def a_silent_console(chromium):
    """After each test the browser has had nothing to complain about."""
    yield
    # It asks for this file by itself.
    assert [said for said in complaints(chromium) if "favicon.ico" not in said] == []


def find(chromium, selector):
    return chromium.find_element(By.CSS_SELECTOR, selector)


def submit(chromium, selector="[type=submit]"):
    """Press a button and wait for the next page."""
    page = find(chromium, "html")
    find(chromium, selector).click()
    parts.wait_until(lambda: is_gone(page))


def is_gone(element):
    try:
        element.is_enabled()
    except Exception:  # the driver has several for it
        return True


def message(chromium):
    return find(chromium, ".messagelist").text


def fill(chromium, **fields):
    for name, value in fields.items():
        find(chromium, f"[name={name}]").send_keys(value)


def add_user(chromium, admin, name):
    admin("mysite/user/add/")
    fill(chromium, username=name, password1=PASSWORD, password2=PASSWORD)
    submit(chromium, "[name=_save]")
    assert "was added successfully" in message(chromium)


def test_cookies_bear_the_prefix(chromium, admin):
    cookies = {cookie["name"]: cookie for cookie in chromium.get_cookies()}
    assert set(cookies) == {"__Host-sessionid", "__Host-csrftoken"}
    for cookie in cookies.values():
        assert cookie["secure"] and cookie["httpOnly"] and cookie["path"] == "/"


def test_add_change_and_delete_with_the_date_widgets(chromium, admin):
    add_user(chromium, admin, "anna")
    for now in chromium.find_elements(
        By.CSS_SELECTOR, ".field-date_joined .datetimeshortcuts a:first-child"
    ):
        now.click()
    find(chromium, ".field-last_login .datetimeshortcuts .date-icon").click()
    find(chromium, ".calendarbox td:not(.nonday) a").click()
    find(chromium, ".field-last_login .datetimeshortcuts .clock-icon").click()
    find(chromium, ".clockbox .timelist a").click()
    assert find(chromium, "[name=last_login_0]").get_attribute("value")
    assert find(chromium, "[name=last_login_1]").get_attribute("value")
    submit(chromium, "[name=_save]")
    assert "was changed successfully" in message(chromium)

    admin("mysite/user/?q=anna")
    submit(chromium, "#result_list tbody th a")
    submit(chromium, ".deletelink")
    submit(chromium, "#content [type=submit]")
    assert "was deleted successfully" in message(chromium)


def test_choose_from_two_boxes_and_add_in_a_second_window(chromium, admin):
    add_user(chromium, admin, "berta")
    first = chromium.current_window_handle
    find(chromium, "#add_id_groups").click()
    parts.wait_until(lambda: len(chromium.window_handles) == 2)
    chromium.switch_to.window(chromium.window_handles[1])
    fill(chromium, name="editors")
    find(chromium, "#id_permissions_from option").click()
    find(chromium, ".field-permissions .selector-add").click()
    find(chromium, "[name=_save]").click()
    parts.wait_until(lambda: len(chromium.window_handles) == 1)
    chromium.switch_to.window(first)
    parts.wait_until(lambda: find(chromium, "#id_groups_to option").text == "editors")
    find(chromium, "#id_user_permissions_input").send_keys("session")
    Select(find(chromium, "#id_user_permissions_from")).select_by_index(0)
    find(chromium, ".field-user_permissions .selector-add").click()
    submit(chromium, "[name=_save]")
    assert "was changed successfully" in message(chromium)


def test_search_filter_sort_and_delete_what_was_selected(chromium, admin):
    add_user(chromium, admin, "carla")
    admin("mysite/user/")
    fill(chromium, q="carla")
    submit(chromium, "#changelist-search [type=submit]")
    assert len(chromium.find_elements(By.CSS_SELECTOR, "#result_list tbody tr")) == 1
    admin("mysite/user/")
    submit(chromium, "#changelist-filter a[href*='is_staff__exact=1']")
    assert find(chromium, "#result_list tbody").text.startswith(NAME)
    admin("mysite/user/")
    submit(chromium, ".column-email a")
    admin("mysite/user/?q=carla")
    find(chromium, "#action-toggle").click()
    Select(find(chromium, "[name=action]")).select_by_value("delete_selected")
    submit(chromium, ".actions [type=submit]")
    submit(chromium, "#content [type=submit]")
    assert "Successfully deleted 1 user" in message(chromium)


def test_the_results_of_tasks(chromium, admin):
    admin("")
    submit(chromium, "#content-main a[href$='/dbtaskresult/']")
    assert "record" in find(chromium, "#result_list").text
    submit(chromium, "#result_list tbody th a")
    assert "record" in find(chromium, "#content").text


def test_the_rest(chromium, admin):
    admin("mysite/user/1/history/")
    admin("password_change/")
    find(chromium, ".theme-toggle").click()
    admin("mysite/user/")
    find(chromium, "#toggle-nav-sidebar").click()
    admin("no-such-page/")
    assert "404" in complaints(chromium)[0]
    admin("")
    submit(chromium, "#logout-form button")
    assert "Logged out" in chromium.page_source


def test_the_console_would_tell(chromium, admin):
    admin("")
    chromium.execute_script(
        "document.body.append(Object.assign(document.createElement('script'),"
        " {text: 'document.title = \"inline\"'}))"
    )
    [complaint] = complaints(chromium)
    assert "Content Security Policy" in complaint
    assert chromium.title != "inline"


def test_a_cdn_is_let_in_by_its_origin_alone(chromium, copy_project):
    script = "document.title='from the CDN'"
    with parts.HAProxy(CDN, script=script) as cdn, parts.HAProxy() as router:
        origin = f"https://cdn.example.com:{cdn.tls_port}"
        tag = f'{{% block head %}}<script src="{origin}/a.js" defer></script>'
        closed = '"script-src": OWN'
        titles = []
        for line in (closed, f'"script-src": [*OWN, "{origin}"]'):
            project = copy_project("cdn")
            project.change("templates/home.html", ("{% block head %}", tag))
            project.change("mysite/settings.py", (closed, line)).build()
            with project.dyno() as dyno:
                router.route([dyno.port])
                chromium.get(f"https://{heroku.HOST}:{router.tls_port}/")
                # The page asks for /ready: only then may the router stop.
                parts.wait_until(lambda: "<dd>waiting" not in chromium.page_source)
                titles.append(chromium.title)
                said = [c for c in complaints(chromium) if "Security Policy" in c]
                assert bool(said) is (line == closed)
    assert titles == ["Hello from Django", "from the CDN"]
