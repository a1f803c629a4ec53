"""The recipes for accounts and the admin, each followed line by line."""

import re
from email import message_from_string

import heroku
import parts
import pytest
import recipes
from deployment import PASSWORD, complaints, find, log_in_to_admin, policy, post, submit
from projects import packages
from scripts import blocks, serving

RECIPES = recipes.sections("recipes/accounts.md").values()
LOG_IN, SIGN_UP, ALLAUTH, PROVIDER, SECOND_FACTOR, THEME, LANGUAGES, TOOLBAR = RECIPES
BUTTON = "main [type=submit]"


@pytest.fixture(scope="module")
def site(copy_project, postgres, mail_server):
    followed = [LOG_IN, SIGN_UP, SECOND_FACTOR, LANGUAGES, TOOLBAR]
    project, database = copy_project("accounts"), postgres.create("accounts")
    config_vars = mail_server.config_vars
    with recipes.site(project, database, *followed, **config_vars) as site:
        yield site


@pytest.fixture(scope="module")
def allauth(copy_project, postgres, mail_server, http_services):
    """The site that follows the others, which would disturb these."""
    project, database = copy_project("allauth"), postgres.create("allauth")
    config_vars = mail_server.config_vars | {"OIDC_URL": http_services.url}
    config_vars |= {"OIDC_CLIENT_ID": "a-client", "OIDC_SECRET": "a-secret"}
    followed = [ALLAUTH, PROVIDER, THEME]
    with recipes.site(project, database, *followed, **config_vars) as site:
        yield site


def link(mail, path):
    """Return the link to a path of the site in a mail."""
    body = message_from_string(mail).get_payload(decode=True).decode()
    return re.search(rf"https://\S+{path}\S+", body)[0]


def test_a_visitor_signs_up_and_gets_a_new_password_by_mail(browser, site, mail_server):
    browser.get(f"{site.url}/accounts/sign-up/")
    form = {"username": "ada", "email": "ada@example.com"}
    text = submit(browser, **form, password1="blue-harp-9", password2="blue-harp-9")
    assert "Log out" in text and browser.current_url == f"{site.url}/"
    text = submit(browser, "header form[action='/accounts/logout/'] button")
    assert "Log in" in text and browser.current_url == f"{site.url}/"

    browser.get(f"{site.url}/accounts/reset/")
    assert "Password reset sent" in submit(browser, email="ada@example.com")
    browser.get(link(mail_server.mails[-1], "/accounts/"))
    new = {"new_password1": "green-lute-7", "new_password2": "green-lute-7"}
    assert "Password reset complete" in submit(browser, **new)
    browser.get(f"{site.url}/accounts/login/")
    assert "Log out" in submit(browser, username="ada", password="green-lute-7")


def test_the_admin_asks_for_a_second_factor(browser, site):
    [add_token] = blocks(SECOND_FACTOR, "sh")
    command = add_token.removeprefix("heroku run ").replace("NAME", "root")
    said = site.project.run(command)
    assert "Site administration" not in log_in_to_admin(browser, site)
    find(browser, "[name=otp_device]").send_keys("Backup Code")
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
        parts.wait_until(lambda: "SQL" in find(root, "#djDebug").text)


def test_who_signs_up_confirms_the_address_and_logs_in_by_it(
    browser, allauth, mail_server
):
    passwords = {"password1": "blue-harp-9", "password2": "blue-harp-9"}
    browser.get(f"{allauth.url}/accounts/signup/")
    submit(browser, BUTTON, email="eva@example.com", **passwords)
    fields = {"login": "eva@example.com", "password": "blue-harp-9"}
    browser.get(f"{allauth.url}/accounts/login/")
    assert "Verify Your Email Address" in submit(browser, BUTTON, **fields)
    browser.get(link(mail_server.mails[-1], "/accounts/confirm-email/"))
    submit(browser, BUTTON)
    browser.get(f"{allauth.url}/accounts/login/")
    submit(browser, BUTTON, **fields)
    assert browser.current_url == f"{allauth.url}/"
    assert "eva@example.com" in find(browser, "header").text
    submit(browser, "header a[href='/accounts/email/']")
    submit(browser, "main a[href='/accounts/logout/']")


def test_a_visitor_logs_in_by_a_provider(browser, allauth):
    browser.get(f"{allauth.url}/accounts/login/")
    submit(browser, "main [title=Google]")
    submit(browser, BUTTON)
    assert browser.current_url == f"{allauth.url}/"
    assert "max@example.com" in find(browser, "header").text


def test_a_missing_origin_in_the_policy_stops_the_button(
    browser, allauth, http_services
):
    elsewhere = http_services.url.replace("127.0.0.1", "localhost")
    with allauth.project.dyno(OIDC_URL=elsewhere) as dyno:
        allauth.router.route([dyno.port])
        browser.get(f"{allauth.url}/accounts/login/")
        submit(browser, "main [title=Google]")
        find(browser, BUTTON).click()
        said = []
        parts.wait_until(lambda: said.extend(complaints(browser)) or said)
        assert "form-action" in said[0] and f"{allauth.url}/" in said[0]
        assert "/authorization" not in said[0]
    allauth.router.route([allauth.dyno.port])


def test_wrong_passwords_are_limited_for_each_visitor(allauth):
    client = heroku.Client(allauth.dyno.port)

    def try_to_log_in(address, password):
        fields = {"login": "root@example.com", "password": password}
        return post(client, "/accounts/login/", fields, X_Forwarded_For=address)

    attempts = [try_to_log_in("203.0.113.50", "wrong") for _ in range(10)]
    assert all("not correct" in answer.text for answer in attempts)
    assert try_to_log_in("203.0.113.50", PASSWORD).status == 200
    refusal = "Log-in refused: many wrong passwords from 203.0.113.50"
    parts.wait_until(lambda: refusal in allauth.dyno.log)
    assert try_to_log_in("203.0.113.51", PASSWORD).status == 302


def test_forms_are_limited_for_each_visitor(allauth):
    client = heroku.Client(allauth.dyno.port)

    def sign_up(address):
        return post(client, "/accounts/signup/", {}, X_Forwarded_For=address)

    forged = [f"198.51.100.{number}, 203.0.113.60" for number in range(21)]
    statuses = [sign_up(addresses).status for addresses in forged]
    assert statuses == [200] * 20 + [429]
    assert sign_up("203.0.113.61").status == 200


def test_the_themed_admin_works_and_has_a_looser_policy_alone(browser, allauth):
    assert "Site administration" in log_in_to_admin(browser, allauth)
    its_scripts_run = "return Boolean(window.Alpine?.version)"  # which need eval
    for path in ("", "add/", "1/change/", "1/password/"):
        browser.get(f"{allauth.url}/admin/mysite/user/{path}")
        parts.wait_until(lambda: browser.execute_script(its_scripts_run))
    client = heroku.Client(allauth.dyno.port)
    for path, loose in (("/admin/login/", True), ("/", False), ("/nothing", False)):
        assert ("unsafe" in policy(client, path)) is loose
