"""The recipes for accounts, APIs and the admin, each followed line by line."""

import json
import re
import shutil
import subprocess
from contextlib import contextmanager
from email import message_from_string
from types import SimpleNamespace

import heroku
import parts
import pytest
import recipes
from mail_server import MailServer
from recipes import PASSWORD, find
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import Select

RECIPES = recipes.sections("recipes/accounts.md")
STATIC_TOKEN = "python manage.py addstatictoken"

# Those that do not disturb each other are followed in one project.
TOGETHER = [
    "Sign-up, log-in and password reset",
    "An API with Django REST framework",
    "A second factor for the admin",
    "Languages",
    "The debug toolbar",
]


@pytest.fixture(scope="module")
def mail_server(tmp_path_factory):
    with MailServer(tmp_path_factory.mktemp("mail"), starttls=True) as server:
        yield server


@pytest.fixture(scope="module")
def project(source, tmp_path_factory):
    """The repository after the recipes that go together."""
    folder = shutil.copytree(source, tmp_path_factory.mktemp("recipes") / "source")
    commands = recipes.follow(folder, *(RECIPES[name] for name in TOGETHER))
    assert commands == [f"heroku run {STATIC_TOKEN} NAME"]
    return folder


@contextmanager
def deployed(folder, database, postgres, secret_key, mail_server):
    """A project in production, with its dyno and its router."""
    config_vars = {
        "DJANGO_SECRET_KEY": secret_key,
        "DATABASE_URL": postgres.create(database),
        "EMAIL_URL": f"smtp://user:password@localhost:{mail_server.port}",
        "EMAIL_FROM": "site@example.com",
        "SSL_CERT_FILE": str(mail_server.certificate),
    }
    slug = recipes.deploy(folder, folder.parent, config_vars).slug
    with parts.HAProxy() as router, heroku.Dyno(slug, config_vars) as dyno:
        router.route([dyno.port])
        yield SimpleNamespace(
            slug=slug,
            config_vars=config_vars,
            dyno=dyno,
            url=f"https://{heroku.HOST}:{router.tls_port}",
        )
        assert "level=error" not in dyno.log


@pytest.fixture(scope="module")
def site(project, postgres, secret_key, mail_server):
    with deployed(project, "recipes", postgres, secret_key, mail_server) as site:
        yield site


@pytest.fixture
def browser(chromium):
    """A visitor without cookies, who has nothing to complain about in the end."""
    chromium.execute_cdp_cmd("Network.clearBrowserCookies", {})
    complaints(chromium)
    yield chromium
    assert complaints(chromium) == []


def complaints(chromium):
    """Return what the browser has said since it was asked last, but for its hints."""
    said = chromium.get_log("browser")
    bad = ("WARNING", "SEVERE")
    return [entry["message"] for entry in said if entry["level"] in bad]


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


def log_in(chromium, site):
    """Log in to the admin, and return the text of the next page."""
    chromium.get(f"{site.url}/admin/")
    find(chromium, "[name=username]").send_keys("root")
    find(chromium, "[name=password]").send_keys(PASSWORD)
    return submit(chromium, "#login-form [type=submit]")


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
    assert "token" in log_in(browser, site).lower()
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
    log_in(browser, site)
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
