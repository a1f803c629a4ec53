"""What a person sees in Chromium: on a laptop by bin/run, and on a dyno."""

import os
import re
from pathlib import Path

import heroku
import parts
import pytest
from deployment import (
    PASSWORD,
    complaints,
    deployed,
    find,
    forget,
    log_in_to_admin,
    submit,
)
from projects import call, run
from scripts import serving
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import Select

ARTEFACTS = Path(os.environ.get("ARTEFACTS", heroku.ROOT / ".template/artefacts"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A newcomer's copy of the repository, with its packages."""
    folder = heroku.checkout(tmp_path_factory.mktemp("laptop"))
    call("bin/install", "requirements.txt", cwd=folder)
    return folder


@pytest.fixture(scope="module")
def laptop(folder):
    """The address of the site as bin/run serves it."""
    with serving(folder, "bin/run") as log:
        yield re.search(r"http://127.0.0.1:\d+", log)[0] + "/"


@pytest.fixture(scope="module")
def site(copy_project, postgres):
    """The site as a dyno serves it, through the router, with a task and an owner."""
    project = copy_project("browser").add_rehearsal()
    more = {"HEROKU_RELEASE_VERSION": "v42", "DATABASE_URL": postgres.create("browser")}
    with deployed(project, **more) as site:
        yield site


@pytest.fixture(scope="module")
def dyno(site):
    """The address of its home page."""
    return f"{site.url}/"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [375, 1280])
@pytest.mark.parametrize("place", ["laptop", "dyno"])
def test_the_first_page_shows_that_all_is_well(request, chromium, place, width, scheme):
    address = request.getfixturevalue(place)
    feature = {"name": "prefers-color-scheme", "value": scheme}
    size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
    chromium.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})
    chromium.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    for kind in ("browser", "performance"):
        chromium.get_log(kind)

    chromium.get(address)
    parts.wait_until(lambda: states(chromium).keys() >= {"Database", "Migrations"})

    expected = dict.fromkeys(["Script", "Database", "Migrations", "Cache"], "ok")
    if place == "dyno":
        expected |= {"Queued": "0", "Workers": "0"}
    assert states(chromium) == expected
    page = chromium.page_source
    assert "<h1>Hello from Django</h1>" in page and "git push heroku" in page
    assert ("release v42" in page) == (place == "dyno")
    assert not re.search(r'(src|href)="(https?:)?//', page)
    assert chromium.get_log("browser") == []
    network = [entry["message"] for entry in chromium.get_log("performance")]
    assert not [message for message in network if "Network.loadingFailed" in message]
    answers = [re.findall(r'"response":.*?"status":(\d+)', m) for m in network]
    statuses = [int(status) for found in answers for status in found]
    assert len(statuses) >= 4 and {*statuses} <= {200, 304}
    wide = "return document.documentElement.scrollWidth"
    assert chromium.execute_script(wide) == width
    ARTEFACTS.mkdir(parents=True, exist_ok=True)
    picture = ARTEFACTS / f"home-{place}-{width}-{scheme}.png"
    assert chromium.save_screenshot(str(picture))
    assert (lightness(chromium) > 0.5) == (scheme == "light")


ALL_FAILED = {"database": "failed", "migrations": "failed", "cache": "failed"}
NONE = {"database": "none", "migrations": "none"}


@pytest.mark.parametrize(
    ("place", "answer", "commands"),
    [
        ("dyno", ALL_FAILED, ["heroku pg:info"]),
        ("dyno", {"migrations": "failed"}, ["heroku run python manage.py release"]),
        ("dyno", {"cache": "failed"}, ["heroku logs --tail"]),
        ("dyno", NONE, ["heroku addons:create heroku-postgresql:essential-0"]),
        ("laptop", ALL_FAILED, []),
        ("laptop", {"migrations": "failed"}, ["python manage.py migrate"]),
    ],
)
def test_the_first_page_names_the_command_that_mends_it(
    request, chromium, place, answer, commands
):
    chromium.get(request.getfixturevalue(place))
    parts.wait_until(lambda: states(chromium).keys() >= {"Database"})
    shown = chromium.execute_async_script(
        """
        const [answer, done] = arguments;
        window.fetch = async () => ({ json: async () => answer });
        const codes = () => [...document.querySelectorAll("[data-ready] code")];
        refresh().then(() => done(codes().map((code) => code.textContent)));
        """,
        {"database": "ok", "migrations": "ok", "cache": "ok"} | answer,
    )
    assert shown == commands


def test_bin_run_says_that_its_port_is_taken(laptop, folder):
    port = laptop.split(":")[-1].strip("/")
    result = run("bin/run", cwd=folder, PORT=port)
    said = f"Port {port} is in use, or is not a port. Fix: PORT=8123 bin/run\n"
    assert (result.returncode, result.stdout) == (1, said)


@pytest.fixture(scope="module")
def admin(chromium, site):
    """Go to a page of the admin, as somebody who may do everything."""
    chromium.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    forget(chromium)
    assert "Site administration" in log_in_to_admin(chromium, site)
    return lambda path: chromium.get(f"{site.url}/admin/{path}")


@pytest.fixture
def silent(chromium, admin):
    """Hold the browser to have had nothing to complain about in the end."""
    complaints(chromium)
    yield
    # It asks for this file by itself.
    assert [said for said in complaints(chromium) if "favicon.ico" not in said] == []


def add_user(chromium, admin, name):
    admin("mysite/user/add/")
    fields = {"username": name, "password1": PASSWORD, "password2": PASSWORD}
    assert "was added successfully" in submit(chromium, "[name=_save]", **fields)


def test_the_admins_cookies_bear_the_prefix(chromium, admin):
    cookies = {cookie["name"]: cookie for cookie in chromium.get_cookies()}
    assert set(cookies) == {"__Host-sessionid", "__Host-csrftoken"}
    for cookie in cookies.values():
        assert cookie["secure"] and cookie["httpOnly"] and cookie["path"] == "/"


def test_the_admin_changes_a_user_with_its_widgets_and_deletes_him(
    chromium, admin, silent
):
    add_user(chromium, admin, "anna")
    find(chromium, ".field-last_login .datetimeshortcuts .date-icon").click()
    find(chromium, ".calendarbox td:not(.nonday) a").click()
    find(chromium, ".field-last_login .datetimeshortcuts .clock-icon").click()
    find(chromium, ".clockbox .timelist a").click()
    assert find(chromium, "[name=last_login_0]").get_attribute("value")
    assert find(chromium, "[name=last_login_1]").get_attribute("value")
    find(chromium, "#id_user_permissions_input").send_keys("session")
    Select(find(chromium, "#id_user_permissions_from")).select_by_index(0)
    find(chromium, ".field-user_permissions .selector-add").click()

    first = chromium.current_window_handle
    find(chromium, "#add_id_groups").click()
    parts.wait_until(lambda: len(chromium.window_handles) == 2)
    chromium.switch_to.window(chromium.window_handles[1])
    find(chromium, "[name=name]").send_keys("editors")
    find(chromium, "[name=_save]").click()
    parts.wait_until(lambda: len(chromium.window_handles) == 1)
    chromium.switch_to.window(first)
    parts.wait_until(lambda: find(chromium, "#id_groups_to option").text == "editors")
    assert "was changed successfully" in submit(chromium, "[name=_save]")

    admin("mysite/user/?q=anna")
    submit(chromium, "#result_list tbody th a")
    submit(chromium, ".deletelink")
    assert "was deleted" in submit(chromium, "#content [type=submit]")


def test_the_admin_searches_filters_sorts_and_deletes_what_was_selected(
    chromium, admin, silent
):
    add_user(chromium, admin, "carla")
    admin("mysite/user/")
    submit(chromium, "#changelist-search [type=submit]", q="carla")
    assert len(chromium.find_elements(By.CSS_SELECTOR, "#result_list tbody tr")) == 1
    admin("mysite/user/")
    submit(chromium, "#changelist-filter a[href*='is_staff__exact=1']")
    assert find(chromium, "#result_list tbody").text.startswith("root")
    submit(chromium, ".column-email a")
    admin("mysite/user/?q=carla")
    find(chromium, "#action-toggle").click()
    Select(find(chromium, "[name=action]")).select_by_value("delete_selected")
    submit(chromium, ".actions [type=submit]")
    assert "deleted 1 user" in submit(chromium, "#content [type=submit]")


def test_the_admin_lists_the_results_of_tasks_and_logs_out(
    chromium, admin, site, silent
):
    task = 'from rehearsal.tasks import record; record.enqueue("seen")'
    command = f"python manage.py shell -c '{task}'"
    site.project.run(command)
    admin("")
    submit(chromium, "#content-main a[href$='/dbtaskresult/']")
    assert "record" in find(chromium, "#result_list").text
    submit(chromium, "#result_list tbody th a")
    assert "record" in find(chromium, "#content").text
    find(chromium, ".theme-toggle").click()
    find(chromium, "#toggle-nav-sidebar").click()
    assert "Logged out" in submit(chromium, "#logout-form button")


def states(chromium):
    """Return what the panel says of each thing."""
    return chromium.execute_script("""
        const text = (row) => [...row.children].map((cell) => cell.textContent);
        const rows = [...document.querySelectorAll("[data-ready] div")];
        return Object.fromEntries(rows.map(text));
    """)


def lightness(chromium):
    """Return how light the page's ground is, from 0 to 1."""
    script = "return getComputedStyle(document.body).backgroundColor"
    colours = re.findall(r"[\d.]+", chromium.execute_script(script))
    return sum(map(float, colours[:3])) / 3 / 255
