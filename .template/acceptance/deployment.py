"""A project in production behind a router, and the clients that visit its pages."""

import re
from contextlib import contextmanager
from types import SimpleNamespace
from urllib.parse import urlencode

import heroku
import parts
from selenium.common.exceptions import WebDriverException
from selenium.webdriver.common.by import By
from selenium.webdriver.support import expected_conditions
from selenium.webdriver.support.wait import WebDriverWait

PASSWORD = "a-password-for-root"
OWNER = {
    "DJANGO_SUPERUSER_USERNAME": "root",
    "DJANGO_SUPERUSER_EMAIL": "root@example.com",
    "DJANGO_SUPERUSER_PASSWORD": PASSWORD,
}


@contextmanager
def deployed(project, **config_vars):
    """Build and release a project, and yield its site with one dyno and one admin."""
    project.build(**config_vars).release()
    project.run("python manage.py createsuperuser --noinput", **OWNER)
    with parts.HAProxy() as router, project.dyno() as dyno:
        router.route([dyno.port])
        url = f"https://{heroku.HOST}:{router.tls_port}"
        yield SimpleNamespace(project=project, dyno=dyno, router=router, url=url)
        assert "level=error" not in dyno.log


def token(client, path):
    """Return the CSRF token in a page."""
    page = client.get(path).text
    return re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page)[1]


def post(client, path, fields, **headers):
    """Send the form of a page as a browser does, and return the answer."""
    form = urlencode({"csrfmiddlewaretoken": token(client, path)} | fields)
    return client.post(path, form, Origin=f"https://{heroku.HOST}", **headers)


def log_in(site):
    """Return a client that is logged in as the owner."""
    client = heroku.Client(site.dyno.port)
    fields = {"username": "root", "password": PASSWORD}
    assert post(client, "/admin/login/", fields).status == 302
    return client


def policy(client, path):
    """Return the content security policy of a page."""
    return client.get(path).headers["Content-Security-Policy"]


def complaints(chromium):
    """Return what the browser has said since it was asked last, but for its hints."""
    said = chromium.get_log("browser")
    bad = ("WARNING", "SEVERE")
    return [entry["message"] for entry in said if entry["level"] in bad]


def find(chromium, selector):
    return chromium.find_element(By.CSS_SELECTOR, selector)


def wait(chromium, condition):
    """Wait for what Selenium expects, whatever a page that goes raises meanwhile."""
    ignored = [WebDriverException]
    WebDriverWait(chromium, 30, ignored_exceptions=ignored).until(condition)


def submit(chromium, selector="main button", **fields):
    """Fill in a form, press its button, and return the text of the next page."""
    for name, value in fields.items():
        find(chromium, f"main [name={name}]").send_keys(value)
    page = find(chromium, "html")
    find(chromium, selector).click()
    wait(chromium, expected_conditions.staleness_of(page))
    return find(chromium, "body").text


def log_in_to_admin(chromium, site):
    """Log in to the admin as its owner, and return the text of the next page."""
    chromium.get(f"{site.url}/admin/")
    find(chromium, "[name=username]").send_keys("root")
    find(chromium, "[name=password]").send_keys(PASSWORD)
    return submit(chromium, "#login-form [type=submit]")


def shows(chromium, selector, text):
    """Wait until an element has a text, in a page that may load itself again."""
    element = (By.CSS_SELECTOR, selector)
    wait(chromium, expected_conditions.text_to_be_present_in_element(element, text))
