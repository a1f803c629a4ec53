"""The recipes for accounts and the admin, and an API, each followed line by line."""

import json
import re
import shutil
import subprocess

import heroku
import parts
import pytest
import recipes
from deployment import (
    PASSWORD,
    complaints,
    deployed,
    find,
    link,
    log_in_to_admin,
    mail_vars,
    submit,
)
from mail_server import MailServer
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import Select

RECIPES = recipes.sections("recipes/accounts.md")
APIS = recipes.sections("recipes/apis.md")
STATIC_TOKEN = "python manage.py addstatictoken"

# Those that do not disturb each other are followed in one project.
TOGETHER = [
    "Sign-up, log-in and password reset",
    "A second factor for the admin",
    "Languages",
    "The debug toolbar",
]
# Other tests follow these.
ALONE = [
    "Accounts with django-allauth",
    "A theme for the admin, with a policy of its own",
]


@pytest.fixture(scope="module")
def mail_server(tmp_path_factory):
    with MailServer(tmp_path_factory.mktemp("mail"), starttls=True) as server:
        yield server


@pytest.fixture(scope="module")
def project(source, tmp_path_factory):
    """The repository after the recipes that go together."""
    folder = shutil.copytree(source, tmp_path_factory.mktemp("recipes") / "source")
    followed = [RECIPES[name] for name in TOGETHER]
    followed.append(APIS["An API with Django REST framework"])
    commands = recipes.follow(folder, *followed)
    assert commands == [f"heroku run {STATIC_TOKEN} NAME"]
    return folder


@pytest.fixture(scope="module")
def site(project, postgres, secret_key, mail_server):
    database_url = postgres.create("recipes")
    with deployed(project, database_url, secret_key, **mail_vars(mail_server)) as site:
        yield site


def test_every_recipe_is_followed():
    assert sorted(RECIPES) == sorted(TOGETHER + ALONE)


LOG_OUT = "header form[action='/accounts/logout/'] button"


def test_a_visitor_signs_up_and_gets_a_new_password_by_mail(browser, site, mail_server):
    mail_server.mails.clear()
    browser.get(f"{site.url}/accounts/sign-up/")
    form = {"username": "ada", "email": "ada@example.com"}
    text = submit(browser, **form, password1="blue-harp-9", password2="blue-harp-9")
    assert "Log out" in text and browser.current_url == f"{site.url}/"
    assert "Log in" in submit(browser, LOG_OUT)

    browser.get(f"{site.url}/accounts/reset/")
    assert "Password reset sent" in submit(browser, email="ada@example.com")
    [mail] = mail_server.mails
    reset = link(mail, "/accounts/reset/")
    browser.get(reset)
    new = {"new_password1": "green-lute-7", "new_password2": "green-lute-7"}
    assert "Password reset complete" in submit(browser, **new)
    browser.get(reset)
    assert "Password reset unsuccessful" in find(browser, "h1").text

    browser.get(f"{site.url}/accounts/login/")
    assert "correct username" in submit(browser, username="ada", password="blue-harp-9")
    browser.get(f"{site.url}/accounts/login/")
    assert "Log out" in submit(browser, username="ada", password="green-lute-7")


def log_in_again(chromium, device, code):
    """Choose a device and enter its code, and return the text of the next page."""
    Select(find(chromium, "[name=otp_device]")).select_by_visible_text(device)
    find(chromium, "[name=otp_token]").send_keys(code)
    return submit(chromium, "#login-form [type=submit]")


def test_the_api_shows_who_is_logged_in(site):
    client = heroku.Client(site.dyno.port)
    assert client.get("/api/me").status == 403
    form = client.get("/accounts/login/").text
    token = re.search('csrfmiddlewaretoken" value="([^"]+)', form)[1]
    body = f"csrfmiddlewaretoken={token}&username=root&password={PASSWORD}"
    origin = f"https://{heroku.HOST}"
    assert client.post("/accounts/login/", body, Origin=origin).status == 302
    answer = client.get("/api/me")
    assert (answer.status, json.loads(answer.text)["username"]) == (200, "root")
    assert answer.headers["Content-Type"] == "application/json"


def test_the_api_throttles_each_visitor(site):
    client = heroku.Client(site.dyno.port)
    attacker = {"X_Forwarded_For": "203.0.113.99"}
    statuses = [client.get("/api/schema", **attacker).status for _ in range(22)]
    assert statuses[:20] == [200] * 20 and statuses[-1] == 429
    assert client.get("/api/schema", X_Forwarded_For="203.0.113.98").status == 200


def test_the_page_of_the_api_is_complete(browser, site):
    browser.get(f"{site.url}/api/docs")
    parts.wait_until(lambda: "/api/me" in find(browser, "body").text)
    find(browser, ".opblock-summary-control").click()
    parts.wait_until(lambda: "Who is logged in." in find(browser, ".opblock-body").text)


def test_the_looser_policy_is_that_pages_alone(site):
    client = heroku.Client(site.dyno.port)
    docs = client.get("/api/docs").headers["Content-Security-Policy"]
    assert "style-src 'self' 'unsafe-inline'" in docs and "script-src 'self';" in docs
    for path in ("/", "/api/schema", "/admin/login/"):
        assert "unsafe" not in client.get(path).headers["Content-Security-Policy"]


def test_the_admin_asks_for_a_second_factor(browser, site):
    said = heroku.run(site.slug, site.config_vars, f"{STATIC_TOKEN} root")
    assert "token" in log_in_to_admin(browser, site).lower()
    assert "Site administration" not in find(browser, "body").text
    static = said.splitlines()[-1].split()[-1]
    assert "Site administration" in log_in_again(browser, "Backup Code", static)

    browser.get(f"{site.url}/admin/otp_totp/totpdevice/add/")
    find(browser, "[name=user]").send_keys("1")
    find(browser, "[name=name]").send_keys("telephone")
    assert "was added successfully" in submit(browser, "[name=_save]")
    browser.get(f"{site.url}/admin/otp_totp/totpdevice/1/qrcode/")
    assert "<svg" in browser.page_source

    browser.execute_cdp_cmd("Network.clearBrowserCookies", {})
    code = (
        "from django_otp.oath import totp;"
        "from django_otp.plugins.otp_totp.models import TOTPDevice;"
        "print(totp(TOTPDevice.objects.get().bin_key))"
    )
    command = f"python manage.py shell --verbosity 0 -c '{code}'"
    number = heroku.run(site.slug, site.config_vars, command).splitlines()[-1]
    code = number.zfill(6)
    log_in_to_admin(browser, site)
    assert "Site administration" in log_in_again(browser, "telephone", code)


def test_the_page_is_in_the_visitors_language_until_they_choose(browser, site):
    client = heroku.Client(site.dyno.port)
    answer = client.get("/", Accept_Language="es")
    assert "Hola desde Django" in answer.text and '<html lang="es">' in answer.text
    assert "Accept-Language" in answer.headers["Vary"]
    assert "Hello from Django" in client.get("/", Accept_Language="fr").text
    browser.get(f"{site.url}/accounts/login/")
    assert "Contraseña" in submit(browser, ".languages [value=es]")
    assert "Password" in submit(browser, ".languages [value=en]")


def test_the_debug_toolbar_is_on_the_laptop_alone(site, project, chromium):
    assert "djDebug" not in heroku.Client(site.dyno.port).get("/").text
    assert "debug-toolbar" not in (project / "requirements.txt").read_text()
    port = parts.free_port()
    version = heroku.read(project / ".python-version").strip()
    lock = project / "requirements-test.txt"
    python = heroku.installed(version, lock, echo=str) / "bin/python"
    debug = heroku.shell(DJANGO_LOCAL="1", DJANGO_DEBUG="1")
    subprocess.run([python, "manage.py", "migrate"], cwd=project, env=debug, check=True)
    command = [python, "manage.py", "runserver", "--noreload", str(port)]
    runserver = subprocess.Popen(command, cwd=project, env=debug)
    try:
        parts.wait_until(lambda: parts.listens(port))
        complaints(chromium)
        chromium.get(f"http://127.0.0.1:{port}/accounts/login/")
        root = find(chromium, "#djDebugRoot").shadow_root
        bar = root.find_element(By.CSS_SELECTOR, "#djDebug")
        parts.wait_until(lambda: "SQL" in bar.text)
        assert complaints(chromium) == []
    finally:
        runserver.terminate()
        runserver.wait()
