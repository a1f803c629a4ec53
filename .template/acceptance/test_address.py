"""Packages that limit visitors by their address see it behind the router."""

import re
from itertools import count

import heroku
import parts
import pytest
from deployment import PASSWORD, deployed

PACKAGES = """
django-allauth==65.22.1
django-axes==8.3.1
djangorestframework==3.18.3
"""

# None of them is told how to find the address.
SETTINGS = """
INSTALLED_APPS += ["axes", "allauth", "allauth.account", "rest_framework"]
MIDDLEWARE += ["axes.middleware.AxesMiddleware"]
MIDDLEWARE += ["allauth.account.middleware.AccountMiddleware"]
AUTHENTICATION_BACKENDS.insert(0, "axes.backends.AxesStandaloneBackend")
LOGIN_ATTEMPTS = 3
AXES_FAILURE_LIMIT = 5
ACCOUNT_RATE_LIMITS = {"login": "3/h/ip"}
REST_FRAMEWORK = {
    "DEFAULT_THROTTLE_CLASSES": ["rest_framework.throttling.AnonRateThrottle"],
    "DEFAULT_THROTTLE_RATES": {"anon": "3/hour"},
}
"""

URLS = """
from django.urls import include
from rest_framework.decorators import api_view
from rest_framework.response import Response

api = api_view()(lambda request: Response("ok"))
urlpatterns += [path("accounts/", include("allauth.urls")), path("api", api)]
"""

ADMIN = "/admin/login/"
ALLAUTH = "/accounts/login/"


@pytest.fixture(scope="module")
def site(copy_project, postgres):
    """A site with the packages, behind the router."""
    project = copy_project("limited")
    project.append("mysite/settings.py", SETTINGS).append("mysite/urls.py", URLS)
    # pip wants a hash for every package or for none.
    lock = (project.folder / "requirements.txt").read_text()
    unhashed = re.sub(r" \\\n +--hash=\S+", "", lock)
    project.write("requirements.txt", unhashed + PACKAGES)
    with deployed(project, DATABASE_URL=postgres.create("limited")) as site:
        yield site


class Visitor(heroku.Client):
    """A visitor of the router, from an address of this machine.

    With each request it forges another beginning of X-Forwarded-For.
    """

    def __init__(self, site, number):
        super().__init__(site.router.tls_port, site.router.certificate)
        self.connection.source_address = (f"127.0.0.{number}", 0)
        self.forged = (f"198.51.100.{number}" for number in count(1))

    def request(self, *arguments, **headers):
        forged = {"X_Forwarded_For": next(self.forged)}
        return super().request(*arguments, **forged | headers)

    def log_in(self, path, password, field="username"):
        form = self.get(path).text
        token = re.search('csrfmiddlewaretoken" value="([^"]+)', form)[1]
        body = f"csrfmiddlewaretoken={token}&{field}=root&password={password}"
        origin = f"https://{heroku.HOST}"
        return self.post(path, body, Referer=f"{origin}{path}").status


def test_axes_locks_out_who_fails_and_nobody_else(site):
    attacker = Visitor(site, 10)
    statuses = [attacker.log_in(ADMIN, "wrong") for _ in range(5)]
    assert statuses == [200, 200, 200, 200, 429]
    assert attacker.log_in(ADMIN, PASSWORD) == 429
    assert Visitor(site, 11).log_in(ADMIN, PASSWORD) == 302


def test_allauth_limits_each_visitor(site):
    attacker = Visitor(site, 20)
    statuses = [attacker.log_in(ALLAUTH, "wrong", "login") for _ in range(4)]
    assert statuses == [200, 200, 200, 429]
    assert Visitor(site, 21).log_in(ALLAUTH, PASSWORD, "login") == 302


def test_rest_framework_throttles_each_visitor(site):
    hurried = Visitor(site, 30)
    assert [hurried.get("/api").status for _ in range(4)] == [200, 200, 200, 429]
    assert Visitor(site, 31).get("/api").status == 200


def test_the_limit_on_log_ins_counts_the_visitor(site):
    attacker = Visitor(site, 40)
    for _ in range(3):
        assert attacker.log_in(ADMIN, "wrong") == 200
    assert attacker.log_in(ADMIN, PASSWORD) == 200
    assert Visitor(site, 41).log_in(ADMIN, PASSWORD) == 302
    # At most once a minute; an attacker of another test may have been the first.
    assert re.search(r"many wrong passwords from 127\.0\.0\.\d0", site.dyno.log)


def test_the_access_log_has_the_whole_list_which_ends_with_the_visitor(site):
    Visitor(site, 50).get("/robots.txt")
    line = r"path=/robots\.txt .* fwd=198\.51\.100\.1,127\.0\.0\.50 status=200"
    parts.wait_until(lambda: re.search(line, site.dyno.log))
