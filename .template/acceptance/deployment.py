"""A project in production behind a router, and a browser that visits its pages."""

import re
from contextlib import contextmanager
from email import message_from_string
from types import SimpleNamespace

import heroku
import parts
from selenium.common.exceptions import WebDriverException
from selenium.webdriver.common.by import By

PASSWORD = "a-password-for-root"
OWNER = {
    "DJANGO_SUPERUSER_USERNAME": "root",
    "DJANGO_SUPERUSER_EMAIL": "root@example.com",
    "DJANGO_SUPERUSER_PASSWORD": PASSWORD,
}


@contextmanager
def deployed(folder, database_url, secret_key, **more):
    """Build and release a project, and yield its site with one dyno and one admin."""
    config_vars = {"DJANGO_SECRET_KEY": secret_key, "DATABASE_URL": database_url} | more
    slug = heroku.build(folder, folder.with_name("slug"), config_vars)
    heroku.release(slug, config_vars)
    create = "python manage.py createsuperuser --noinput"
    heroku.run(slug, config_vars, create, **OWNER)
    with parts.HAProxy() as router, heroku.Dyno(slug, config_vars) as dyno:
        router.route([dyno.port])
        yield SimpleNamespace(
            slug=slug,
            config_vars=config_vars,
            dyno=dyno,
            router=router,
            url=f"https://{heroku.HOST}:{router.tls_port}",
        )
        assert "level=error" not in dyno.log


def mail_vars(server):
    """Return the config vars of a site that sends mail by a server of test_smtp."""
    return {
        "EMAIL_URL": f"smtp://user:password@localhost:{server.port}",
        "EMAIL_FROM": "site@example.com",
        "SSL_CERT_FILE": str(server.certificate),
    }


def link(mail, path):
    """Return the link to a path of the site in a mail."""
    body = message_from_string(mail).get_payload(decode=True).decode()
    return re.search(rf"https://\S+{path}\S+", body)[0]


def complaints(chromium):
    """Return what the browser has said since it was asked last, but for its hints."""
    said = chromium.get_log("browser")
    bad = ("WARNING", "SEVERE")
    return [entry["message"] for entry in said if entry["level"] in bad]


def forget(chromium):
    """Make the browser that of a new visitor, who has no cookies and no complaints."""
    chromium.execute_cdp_cmd("Network.clearBrowserCookies", {})
    complaints(chromium)


def find(chromium, selector):
    return chromium.find_element(By.CSS_SELECTOR, selector)


def is_gone(element):
    try:
        element.is_enabled()
    except WebDriverException:  # the driver has several for it
        return True


def submit(chromium, selector="main button", **fields):
    """Fill in a form, press its button, and return the text of the next page."""
    for name, value in fields.items():
        find(chromium, f"main [name={name}]").send_keys(value)
    page = find(chromium, "html")
    find(chromium, selector).click()
    parts.wait_until(lambda: is_gone(page))
    return find(chromium, "body").text


def log_in_to_admin(chromium, site):
    """Log in to the admin as its owner, and return the text of the next page."""
    chromium.get(f"{site.url}/admin/")
    find(chromium, "[name=username]").send_keys(OWNER["DJANGO_SUPERUSER_USERNAME"])
    find(chromium, "[name=password]").send_keys(PASSWORD)
    return submit(chromium, "#login-form [type=submit]")
