"""The recipes for accounts and the admin, each followed line by line."""

import re

import heroku
import parts
import pytest
import recipes
from deployment import find, link, log_in_to_admin, submit
from projects import packages
from scripts import serving
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import Select

RECIPES = recipes.sections("recipes/accounts.md")
LOG_OUT = "header form[action='/accounts/logout/'] button"

# test_recipes_allauth follows these, which would disturb the others.
ELSEWHERE = (
    "Accounts with django-allauth",
    "Log-in by a provider",
    "A theme for the admin, with a policy of its own",
)


@pytest.fixture(scope="module")
def site(copy_project, postgres, mail_server):
    followed = [text for name, text in RECIPES.items() if name not in ELSEWHERE]
    project, database = copy_project("accounts"), postgres.create("accounts")
    with recipes.site(project, database, *followed, **mail_server.config_vars) as site:
        yield site


def test_a_visitor_signs_up_and_gets_a_new_password_by_mail(browser, site, mail_server):
    browser.get(f"{site.url}/accounts/sign-up/")
    form = {"username": "ada", "email": "ada@example.com"}
    text = submit(browser, **form, password1="blue-harp-9", password2="blue-harp-9")
    assert "Log out" in text and browser.current_url == f"{site.url}/"
    text = submit(browser, LOG_OUT)
    assert "Log in" in text and browser.current_url == f"{site.url}/"

    browser.get(f"{site.url}/accounts/reset/")
    assert "Password reset sent" in submit(browser, email="ada@example.com")
    [mail] = mail_server.mails
    browser.get(link(mail, "/accounts/"))
    new = {"new_password1": "green-lute-7", "new_password2": "green-lute-7"}
    assert "Password reset complete" in submit(browser, **new)
    browser.get(f"{site.url}/accounts/login/")
    assert "Log out" in submit(browser, username="ada", password="green-lute-7")


def test_the_admin_asks_for_a_second_factor(browser, site):
    [command] = site.of_heroku
    add_token = command.removeprefix("heroku run ").replace("NAME", "root")
    said = site.project.run(add_token)
    assert "Site administration" not in log_in_to_admin(browser, site)
    device = Select(find(browser, "[name=otp_device]"))
    device.select_by_visible_text("Backup Code")
    find(browser, "[name=otp_token]").send_keys(said.split()[-1])
    assert "Site administration" in submit(browser, "#login-form [type=submit]")
    browser.get(f"{site.url}/admin/otp_totp/totpdevice/add/")
    submit(browser, "[name=_save]", user="1", name="telephone")
    browser.get(f"{site.url}/admin/otp_totp/totpdevice/1/qrcode/")
    assert "<svg" in browser.page_source


def test_the_page_is_in_the_visitors_language_until_they_choose(browser, site):
    client = heroku.Client(site.dyno.port)
    answer = client.get("/", Accept_Language="es")
    assert "Hola desde Django" in answer.text and '<html lang="es">' in answer.text
    browser.get(f"{site.url}/accounts/login/")
    assert "Contraseña" in submit(browser, ".languages [value=es]")
    assert "Password" in submit(browser, ".languages [value=en]")


def test_the_debug_toolbar_is_on_the_laptop_alone(site, browser):
    project = site.project.folder
    assert "djDebug" not in heroku.Client(site.dyno.port).get("/").text
    assert "debug-toolbar" not in (project / "requirements.txt").read_text()
    recipes.run(project, "python manage.py migrate")
    python = f"{packages(project)}/bin/python"
    command = [python, "manage.py", "runserver", "--noreload", "{}"]
    with serving(project, *command, DJANGO_LOCAL="1", DJANGO_DEBUG="1") as log:
        url = re.search(r"http://127.0.0.1:\d+", log)[0]
        browser.get(f"{url}/accounts/login/")
        root = find(browser, "#djDebugRoot").shadow_root
        bar = root.find_element(By.CSS_SELECTOR, "#djDebug")
        parts.wait_until(lambda: "SQL" in bar.text)
