"""The recipes for accounts, APIs and the admin, each followed line by line."""

import re
import shutil
from email import message_from_string
from types import SimpleNamespace

import heroku
import parts
import pytest
import recipes
from selenium.webdriver.common.by import By
from test_smtp import MailServer

RECIPES = recipes.sections("recipes/accounts.md")
PASSWORD = "a-password-for-root"
OWNER = {
    "DJANGO_SUPERUSER_USERNAME": "root",
    "DJANGO_SUPERUSER_EMAIL": "root@example.com",
    "DJANGO_SUPERUSER_PASSWORD": PASSWORD,
}

# Those that do not disturb each other are followed in one project.
TOGETHER = ["Sign-up, log-in and password reset"]


@pytest.fixture(scope="module")
def mail_server(tmp_path_factory):
    with MailServer(tmp_path_factory.mktemp("mail"), starttls=True) as server:
        yield server


@pytest.fixture(scope="module")
def project(source, tmp_path_factory):
    """The repository after the recipes that go together."""
    folder = shutil.copytree(source, tmp_path_factory.mktemp("recipes") / "source")
    assert recipes.follow(folder, *(RECIPES[name] for name in TOGETHER)) == []
    return folder


@pytest.fixture(scope="module")
def site(project, tmp_path_factory, postgres, secret_key, mail_server):
    """The site in production, with its dyno and its router."""
    config_vars = {
        "DJANGO_SECRET_KEY": secret_key,
        "DATABASE_URL": postgres.create("recipes"),
        "EMAIL_URL": f"smtp://user:password@localhost:{mail_server.port}",
        "EMAIL_FROM": "site@example.com",
        "SSL_CERT_FILE": str(mail_server.certificate),
    }
    slug = heroku.build(project, tmp_path_factory.mktemp("slugs") / "slug", config_vars)
    heroku.release(slug, config_vars)
    create = "python manage.py createsuperuser --noinput"
    heroku.run(slug, config_vars, create, **OWNER)
    with parts.HAProxy() as router, heroku.Dyno(slug, config_vars) as dyno:
        router.route([dyno.port])
        yield SimpleNamespace(
            slug=slug,
            config_vars=config_vars,
            dyno=dyno,
            url=f"https://{heroku.HOST}:{router.tls_port}",
        )
        assert "level=error" not in dyno.log


@pytest.fixture
def browser(site, chromium):
    """A visitor without cookies, who has nothing to complain about in the end."""
    chromium.get(f"{site.url}/up")
    chromium.delete_all_cookies()
    complaints(chromium)
    yield chromium
    assert complaints(chromium) == []


def complaints(chromium):
    """Return what the browser has said since it was asked last, but for its hints."""
    said = chromium.get_log("browser")
    bad = ("WARNING", "SEVERE")
    return [entry["message"] for entry in said if entry["level"] in bad]


def find(chromium, selector):
    return chromium.find_element(By.CSS_SELECTOR, selector)


def is_gone(element):
    try:
        element.is_enabled()
    except Exception:  # the driver has several for it
        return True


def submit(chromium, selector="main button", **fields):
    """Fill in a form, press its button, and wait for the next page."""
    for name, value in fields.items():
        find(chromium, f"main [name={name}]").send_keys(value)
    page = find(chromium, "html")
    find(chromium, selector).click()
    parts.wait_until(lambda: is_gone(page))
    return find(chromium, "body").text


LOG_OUT = "header button"


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
    body = message_from_string(mail).get_payload(decode=True).decode()
    link = re.search(r"https://\S+/accounts/reset/\S+", body)[0]
    browser.get(link)
    new = {"new_password1": "green-lute-7", "new_password2": "green-lute-7"}
    assert "Password reset complete" in submit(browser, **new)
    browser.get(link)
    assert "Password reset unsuccessful" in find(browser, "h1").text

    browser.get(f"{site.url}/accounts/login/")
    assert "correct username" in submit(browser, username="ada", password="blue-harp-9")
    browser.get(f"{site.url}/accounts/login/")
    assert "Log out" in submit(browser, username="ada", password="green-lute-7")
