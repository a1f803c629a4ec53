"""The recipes for accounts and the admin, each followed line by line."""

import subprocess

import heroku
import parts
import pytest
import recipes
from deployment import (
    deployed,
    find,
    link,
    log_in_to_admin,
    mail_vars,
    submit,
)
from mail_server import MailServer
from projects import packages
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import Select

RECIPES = recipes.sections("recipes/accounts.md")
STATIC_TOKEN = "python manage.py addstatictoken"
LOG_OUT = "header form[action='/accounts/logout/'] button"

# test_recipes_allauth follows these, which would disturb the others.
ELSEWHERE = (
    "Accounts with django-allauth",
    "Log-in by a provider",
    "A theme for the admin, with a policy of its own",
)


@pytest.fixture(scope="module")
def mail_server(tmp_path_factory):
    with MailServer(tmp_path_factory.mktemp("mail"), starttls=True) as server:
        yield server


@pytest.fixture(scope="module")
def site(copy_project, postgres, mail_server):
    project = copy_project("accounts")
    followed = [text for name, text in RECIPES.items() if name not in ELSEWHERE]
    commands = recipes.follow(project.folder, *followed)
    assert commands == [f"heroku run {STATIC_TOKEN} NAME"]
    database = postgres.create("accounts")
    with deployed(project, DATABASE_URL=database, **mail_vars(mail_server)) as site:
        yield site


def test_a_visitor_signs_up_and_gets_a_new_password_by_mail(browser, site, mail_server):
    browser.get(f"{site.url}/accounts/sign-up/")
    form = {"username": "ada", "email": "ada@example.com"}
    text = submit(browser, **form, password1="blue-harp-9", password2="blue-harp-9")
    assert "Log out" in text and browser.current_url == f"{site.url}/"
    assert "Log in" in submit(browser, LOG_OUT)

    browser.get(f"{site.url}/accounts/reset/")
    assert "Password reset sent" in submit(browser, email="ada@example.com")
    [mail] = mail_server.mails
    reset = link(mail, "/accounts/")
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


def test_the_admin_asks_for_a_second_factor(browser, site):
    said = site.project.run(f"{STATIC_TOKEN} root")
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
    said = site.project.run(f"python manage.py shell --verbosity 0 -c '{code}'")
    number = said.splitlines()[-1].zfill(6)
    log_in_to_admin(browser, site)
    assert "Site administration" in log_in_again(browser, "telephone", number)


def test_the_page_is_in_the_visitors_language_until_they_choose(browser, site):
    client = heroku.Client(site.dyno.port)
    answer = client.get("/", Accept_Language="es")
    assert "Hola desde Django" in answer.text and '<html lang="es">' in answer.text
    assert "Accept-Language" in answer.headers["Vary"]
    assert "Hello from Django" in client.get("/", Accept_Language="fr").text
    browser.get(f"{site.url}/accounts/login/")
    assert "Contraseña" in submit(browser, ".languages [value=es]")
    assert "Password" in submit(browser, ".languages [value=en]")


def test_the_debug_toolbar_is_on_the_laptop_alone(site, browser):
    project = site.project.folder
    assert "djDebug" not in heroku.Client(site.dyno.port).get("/").text
    assert "debug-toolbar" not in (project / "requirements.txt").read_text()
    recipes.run(project, "python manage.py migrate")
    port = parts.free_port()
    command = [packages(project) / "bin/python", "manage.py", "runserver", "--noreload"]
    debug = heroku.shell(DJANGO_LOCAL="1", DJANGO_DEBUG="1")
    runserver = subprocess.Popen([*command, str(port)], cwd=project, env=debug)
    try:
        parts.wait_until(lambda: parts.listens(port))
        browser.get(f"http://127.0.0.1:{port}/accounts/login/")
        root = find(browser, "#djDebugRoot").shadow_root
        bar = root.find_element(By.CSS_SELECTOR, "#djDebug")
        parts.wait_until(lambda: "SQL" in bar.text)
    finally:
        runserver.terminate()
        runserver.wait()
