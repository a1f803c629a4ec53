"""The recipes for django-allauth and for a theme of the admin, in one project."""

import heroku
import parts
import pytest
import recipes
from deployment import (
    PASSWORD,
    complaints,
    find,
    link,
    log_in_to_admin,
    policy,
    post,
    submit,
)

RECIPES = recipes.sections("recipes/accounts.md")
FOLLOWED = [
    "Accounts with django-allauth",
    "Log-in by a provider",
    "A theme for the admin, with a policy of its own",
]
BUTTON = "main [type=submit]"


@pytest.fixture(scope="module")
def site(copy_project, postgres, mail_server, http_services):
    followed = [RECIPES[name] for name in FOLLOWED]
    project, database = copy_project("allauth"), postgres.create("allauth")
    config_vars = mail_server.config_vars | {"OIDC_URL": http_services.url}
    config_vars |= {"OIDC_CLIENT_ID": "a-client", "OIDC_SECRET": "a-secret"}
    with recipes.site(project, database, *followed, **config_vars) as site:
        yield site


def test_who_signs_up_confirms_the_address_and_logs_in_by_it(
    browser, site, mail_server
):
    passwords = {"password1": "blue-harp-9", "password2": "blue-harp-9"}
    browser.get(f"{site.url}/accounts/signup/")
    submit(browser, BUTTON, email="eva@example.com", **passwords)
    fields = {"login": "eva@example.com", "password": "blue-harp-9"}
    browser.get(f"{site.url}/accounts/login/")
    assert "Verify Your Email Address" in submit(browser, BUTTON, **fields)
    browser.get(link(mail_server.mails[0], "/accounts/confirm-email/"))
    submit(browser, BUTTON)
    browser.get(f"{site.url}/accounts/login/")
    submit(browser, BUTTON, **fields)
    assert browser.current_url == f"{site.url}/"
    assert "eva@example.com" in find(browser, "header").text
    submit(browser, "header a[href='/accounts/email/']")
    submit(browser, "main a[href='/accounts/logout/']")


def test_a_visitor_logs_in_by_a_provider(browser, site):
    browser.get(f"{site.url}/accounts/login/")
    submit(browser, "main [title=Google]")
    submit(browser, BUTTON)
    assert browser.current_url == f"{site.url}/"
    assert "max@example.com" in find(browser, "header").text


def test_a_missing_origin_in_the_policy_stops_the_button(browser, site, http_services):
    elsewhere = http_services.url.replace("127.0.0.1", "localhost")
    with site.project.dyno(OIDC_URL=elsewhere) as dyno:
        site.router.route([dyno.port])
        browser.get(f"{site.url}/accounts/login/")
        submit(browser, "main [title=Google]")
        find(browser, BUTTON).click()
        said = []
        parts.wait_until(lambda: said.extend(complaints(browser)) or said)
        assert "form-action" in said[0] and f"{site.url}/" in said[0]
        assert "/authorization" not in said[0]
    site.router.route([site.dyno.port])


def test_wrong_passwords_are_limited_for_each_visitor(site):
    client = heroku.Client(site.dyno.port)

    def try_to_log_in(address, password):
        fields = {"login": "root@example.com", "password": password}
        return post(client, "/accounts/login/", fields, X_Forwarded_For=address)

    attempts = [try_to_log_in("203.0.113.50", "wrong") for _ in range(10)]
    assert all("not correct" in answer.text for answer in attempts)
    assert try_to_log_in("203.0.113.50", PASSWORD).status == 200
    refusal = "Log-in refused: many wrong passwords from 203.0.113.50"
    parts.wait_until(lambda: refusal in site.dyno.log)
    assert try_to_log_in("203.0.113.51", PASSWORD).status == 302


def test_forms_are_limited_for_each_visitor(site):
    client = heroku.Client(site.dyno.port)

    def sign_up(address):
        return post(client, "/accounts/signup/", {}, X_Forwarded_For=address)

    statuses = [sign_up("203.0.113.60").status for _ in range(21)]
    assert statuses == [200] * 20 + [429]
    assert sign_up("203.0.113.61").status == 200


def test_the_themed_admin_works(browser, site):
    assert "Site administration" in log_in_to_admin(browser, site)
    its_scripts_run = "return Boolean(window.Alpine?.version)"  # which need eval
    for path in ("", "add/", "1/change/", "1/password/"):
        browser.get(f"{site.url}/admin/mysite/user/{path}")
        parts.wait_until(lambda: browser.execute_script(its_scripts_run))


def test_the_looser_policy_is_the_admins_alone(site):
    client = heroku.Client(site.dyno.port)
    for path, loose in (("/admin/login/", True), ("/", False), ("/nothing", False)):
        assert ("unsafe" in policy(client, path)) is loose
