"""The recipes for django-allauth and for a theme of the admin, in one project."""

import base64
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlencode, urlsplit

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
    policy,
    post,
    submit,
)
from mail_server import MailServer

RECIPES = recipes.sections("recipes/accounts.md")
FOLLOWED = [
    "Accounts with django-allauth",
    "Log-in by a provider",
    "A theme for the admin, with a policy of its own",
]
PASSWORDS = {"password1": "blue-harp-9", "password2": "blue-harp-9"}
BUTTON = "main [type=submit]"


class Provider(BaseHTTPRequestHandler):
    """Answers as OpenID Connect Core 1.0 asks, for one user and one client."""

    def do_GET(self):  # noqa: N802
        url = urlsplit(self.path)
        issuer = self.server.url
        if url.path == "/.well-known/openid-configuration":
            paths = ("authorization", "token", "userinfo")
            ends = {f"{path}_endpoint": f"{issuer}/{path}" for path in paths}
            self.reply({"issuer": issuer, "jwks_uri": f"{issuer}/keys"} | ends)
        elif url.path == "/authorization":
            query = {name: values[0] for name, values in parse_qs(url.query).items()}
            assert query["client_id"] == "a-client" and "code_challenge" in query
            back = urlencode({"code": "a-code", "state": query["state"]})
            href = f"{query['redirect_uri']}?{back}".replace("&", "&amp;")
            page = f'<link rel=icon href="data:,"><a href="{href}">Continue as Max</a>'
            self.reply(page, "text/html")
        elif url.path == "/userinfo":
            assert self.headers["Authorization"] == "Bearer a-token"
            self.reply(self.server.user)
        else:
            self.send_error(404)

    def do_POST(self):  # noqa: N802
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        form = parse_qs(body)
        assert form["code"] == ["a-code"] and "code_verifier" in form
        assert form["client_secret"] == ["a-secret"]
        now = int(time.time())
        claims = {"iss": self.server.url, "aud": "a-client", "iat": now}
        claims |= {"exp": now + 60} | self.server.user
        parts = [{"alg": "RS256"}, claims, {}]
        encoded = [base64.urlsafe_b64encode(json.dumps(p).encode()) for p in parts]
        token = ".".join(part.decode().rstrip("=") for part in encoded)
        answer = {"access_token": "a-token", "token_type": "Bearer", "id_token": token}
        self.reply(answer)

    def reply(self, content, kind="application/json"):
        if kind == "application/json":
            content = json.dumps(content)
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.end_headers()
        self.wfile.write(content.encode())

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def mail_server(tmp_path_factory):
    with MailServer(tmp_path_factory.mktemp("mail"), starttls=True) as server:
        yield server


@pytest.fixture(scope="module")
def provider():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Provider)
    server.url = f"http://127.0.0.1:{server.server_port}"
    server.user = {"sub": "1", "email": "max@example.com", "email_verified": True}
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def site(copy_project, postgres, mail_server, provider):
    project = copy_project("allauth")
    [command] = recipes.follow(project.folder, *[RECIPES[name] for name in FOLLOWED])
    assert command.startswith("heroku config:set OIDC_CLIENT_ID=")
    config_vars = mail_vars(mail_server) | {"DATABASE_URL": postgres.create("allauth")}
    config_vars |= {"OIDC_URL": provider.url, "OIDC_CLIENT_ID": "a-client"}
    with deployed(project, OIDC_SECRET="a-secret", **config_vars) as site:
        yield site


def test_who_signs_up_confirms_the_address_and_logs_in_by_it(
    browser, site, mail_server
):
    fields = {"login": "eva@example.com", "password": "blue-harp-9"}
    browser.get(f"{site.url}/accounts/signup/")
    text = submit(browser, BUTTON, email="eva@example.com", **PASSWORDS)
    assert "Verify Your Email Address" in text
    browser.get(f"{site.url}/accounts/login/")
    assert "Verify Your Email Address" in submit(browser, BUTTON, **fields)
    browser.get(link(mail_server.mails[0], "/accounts/confirm-email/"))
    submit(browser, BUTTON)
    browser.get(f"{site.url}/accounts/login/")
    submit(browser, BUTTON, **fields)
    assert browser.current_url == f"{site.url}/"
    assert "eva@example.com" in find(browser, "header").text
    browser.get(f"{site.url}/accounts/email/")
    assert "Verified" in find(browser, "main").text
    submit(browser, "main a[href='/accounts/logout/']")
    assert "Log in" in submit(browser, BUTTON)


def test_a_visitor_logs_in_by_a_provider(browser, site, provider):
    browser.get(f"{site.url}/accounts/login/")
    submit(browser, "main [title=Google]")
    assert "Continue as Max" in submit(browser, BUTTON)
    assert browser.current_url.startswith(provider.url)
    submit(browser, "a")
    assert browser.current_url == f"{site.url}/"
    assert "max@example.com" in find(browser, "header").text


def test_a_missing_origin_in_the_policy_stops_the_button(browser, site, provider):
    elsewhere = provider.url.replace("127.0.0.1", "localhost")
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
    assert "Log-in refused" not in site.dyno.log
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


def is_alive(chromium):
    """Say whether the theme's scripts have run, which need eval."""
    return chromium.execute_script("return Boolean(window.Alpine?.version)")


def test_the_themed_admin_works(browser, site):
    assert "Site administration" in log_in_to_admin(browser, site)
    for path in ("", "mysite/user/", "mysite/user/1/change/", "password_change/"):
        browser.get(f"{site.url}/admin/{path}")
        parts.wait_until(lambda: is_alive(browser))
    browser.get(f"{site.url}/admin/mysite/user/add/")
    for name, value in ({"username": "ada"} | PASSWORDS).items():
        find(browser, f"[name={name}]").send_keys(value)
    assert "was added successfully" in submit(browser, "[name=_save]")
    browser.get(f"{site.url}/admin/mysite/user/?q=ada")
    assert "1 result" in find(browser, "body").text


def test_the_looser_policy_is_the_admins_alone(site):
    client = heroku.Client(site.dyno.port)
    for path, loose in (("/admin/login/", True), ("/", False), ("/nothing", False)):
        assert ("unsafe" in policy(client, path)) is loose
