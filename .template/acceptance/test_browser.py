"""What a person sees in Chromium: on a laptop by bin/run, and on a dyno."""

import re

import heroku
import parts
import pytest
from deployment import PASSWORD, deployed, find, log_in_to_admin, submit
from projects import install, run
from scripts import serving
from selenium.webdriver.support.color import Color

ARTEFACTS = heroku.ROOT / ".template/artefacts"


@pytest.fixture(scope="module")
def folder(copy_project):
    """A newcomer's copy of the repository, with its packages."""
    folder = copy_project("laptop").folder
    install(folder)
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


def states(chromium):
    """Return what the panel says of each thing, once it has asked."""
    code = """
        const text = (row) => [...row.children].map((cell) => cell.textContent);
        const rows = [...document.querySelectorAll("[data-ready] div")];
        return rows.length > 1 && Object.fromEntries(rows.map(text));
    """
    return parts.wait_until(lambda: chromium.execute_script(code))


@pytest.mark.parametrize(
    ("place", "width", "scheme"), [("laptop", 1280, "light"), ("dyno", 375, "dark")]
)
def test_the_first_page_shows_that_all_is_well(request, chromium, place, width, scheme):
    address = request.getfixturevalue(place)
    feature = {"name": "prefers-color-scheme", "value": scheme}
    size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
    chromium.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})
    chromium.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    chromium.get_log("browser")

    chromium.get(address)
    expected = dict.fromkeys(["Script", "Database", "Migrations", "Cache"], "ok")
    if place == "dyno":
        expected |= {"Queued": "0", "Workers": "0"}
    assert states(chromium) == expected
    page = chromium.page_source
    assert "<h1>Hello from Django</h1>" in page and "git push heroku" in page
    assert ("release v42" in page) == (place == "dyno")
    assert not re.search(r'(src|href)="(https?:)?//', page)
    assert chromium.get_log("browser") == []
    wide = "return document.documentElement.scrollWidth"
    assert chromium.execute_script(wide) == width
    ground = find(chromium, "body").value_of_css_property("background-color")
    assert (Color.from_string(ground).green > 127) == (scheme == "light")
    ARTEFACTS.mkdir(exist_ok=True)
    assert chromium.save_screenshot(str(ARTEFACTS / f"home-{place}.png"))


WELL = {"database": "ok", "migrations": "ok", "cache": "ok"}
# Nothing else is known while the database does not answer.
ALL_FAILED = dict.fromkeys(WELL, "failed")
ADD_DATABASE = "heroku addons:create heroku-postgresql:essential-0"


@pytest.mark.parametrize(
    ("place", "answer", "command"),
    [
        ("dyno", {"database": "none"}, ADD_DATABASE),
        ("dyno", ALL_FAILED, "heroku pg:info"),
        ("dyno", {"migrations": "failed"}, "heroku run python manage.py release"),
        ("dyno", {"cache": "failed"}, "heroku logs --tail"),
        ("laptop", {"migrations": "failed"}, "python manage.py migrate"),
    ],
)
def test_the_first_page_names_the_command_that_mends_it(
    request, chromium, place, answer, command
):
    chromium.get(request.getfixturevalue(place))
    states(chromium)
    shown = chromium.execute_async_script(
        """
        const [answer, done] = arguments;
        window.fetch = async () => ({ json: async () => answer });
        const codes = () => [...document.querySelectorAll("[data-ready] code")];
        refresh().then(() => done(codes().map((code) => code.textContent)));
        """,
        WELL | answer,
    )
    assert shown == [command]


def test_bin_run_says_that_its_port_is_taken(laptop, folder):
    port = laptop.split(":")[-1].strip("/")
    result = run("bin/run", cwd=folder, PORT=port)
    said = f"Port {port} is in use, or is not a port. Fix: PORT=8123 bin/run\n"
    assert (result.returncode, result.stdout) == (1, said)


def test_the_admin_works_under_the_policy_and_its_cookies_bear_the_prefix(
    browser, site
):
    browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    assert "Site administration" in log_in_to_admin(browser, site)
    cookies = {cookie["name"]: cookie for cookie in browser.get_cookies()}
    assert set(cookies) == {"__Host-sessionid", "__Host-csrftoken"}
    for cookie in cookies.values():
        assert cookie["secure"] and cookie["httpOnly"] and cookie["path"] == "/"

    # A user, by the widgets of the form.
    browser.get(f"{site.url}/admin/mysite/user/add/")
    fields = {"username": "anna", "password1": PASSWORD, "password2": PASSWORD}
    assert "was added successfully" in submit(browser, "[name=_save]", **fields)
    find(browser, ".field-last_login .datetimeshortcuts .date-icon").click()
    find(browser, ".calendarbox td:not(.nonday) a").click()
    assert find(browser, "[name=last_login_0]").get_attribute("value")
    find(browser, "[name=last_login_1]").send_keys("12:00:00")

    # A group, in a window of its own.
    first = browser.current_window_handle
    find(browser, "#add_id_groups").click()
    parts.wait_until(lambda: len(browser.window_handles) == 2)
    browser.switch_to.window(browser.window_handles[1])
    find(browser, "[name=name]").send_keys("editors")
    find(browser, "[name=_save]").click()
    parts.wait_until(lambda: len(browser.window_handles) == 1)
    browser.switch_to.window(first)
    parts.wait_until(lambda: find(browser, "#id_groups_to option").text == "editors")
    assert "was changed successfully" in submit(browser, "[name=_save]")

    # The results of tasks.
    task = 'from rehearsal.tasks import record; record.enqueue("seen")'
    site.project.run(f"python manage.py shell -c '{task}'")
    browser.get(f"{site.url}/admin/")
    submit(browser, "#content-main a[href$='/dbtaskresult/']")
    assert "record" in find(browser, "#result_list").text
    submit(browser, "#result_list tbody th a")
    assert "record" in find(browser, "#content").text
    find(browser, ".theme-toggle").click()
    find(browser, "#toggle-nav-sidebar").click()
    assert "Logged out" in submit(browser, "#logout-form button")
