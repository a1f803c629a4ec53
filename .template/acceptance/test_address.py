"""Packages that limit visitors by their address see it behind the router."""

import re
import shutil
from itertools import count
from pathlib import Path

import heroku
import parts
import pytest

PACKAGES = """
django-allauth==65.22.1
django-axes==8.3.1
djangorestframework==3.18.3
"""
OWNER = {
    "DJANGO_SUPERUSER_USERNAME": "root",
    "DJANGO_SUPERUSER_EMAIL": "root@example.com",
    "DJANGO_SUPERUSER_PASSWORD": "a-password-for-root",
}


@pytest.fixture(scope="module")
def site(source, tmp_path_factory, postgres, secret_key):
    """The router of a site with the packages, and with the dyno that it asks."""
    folder = tmp_path_factory.mktemp("limited")
    shutil.copytree(source, folder / "source")
    shutil.copytree(Path(__file__).parent / "limited", folder / "source/limited")
    lock = folder / "source/requirements.txt"
    # pip wants a hash for every package or for none.
    unhashed = re.sub(r" \\\n +--hash=\S+", "", lock.read_text())
    lock.write_text(unhashed + PACKAGES)
    config_vars = {
        "DJANGO_SETTINGS_MODULE": "limited.settings",
        "DJANGO_SECRET_KEY": secret_key,
        "DATABASE_URL": postgres.create("limited"),
        "EMAIL_URL": "smtp://user:password@127.0.0.1:1",
    }
    slug = heroku.build(folder / "source", folder / "slug", config_vars)
    heroku.release(slug, config_vars)
    create = "python manage.py createsuperuser --noinput"
    heroku.run(slug, config_vars, create, **OWNER)
    with parts.HAProxy() as router, heroku.Dyno(slug, config_vars) as router.dyno:
        router.route([router.dyno.port])
        yield router


class Visitor(heroku.Client):
    """A visitor of the router, from an address of this machine.

    With each request it forges another beginning of X-Forwarded-For.
    """

    def __init__(self, router, address):
        super().__init__(router.tls_port, router.certificate)
        self.connection.source_address = (address, 0)
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


ADMIN = "/admin/login/"
ALLAUTH = "/accounts/login/"
RIGHT = OWNER["DJANGO_SUPERUSER_PASSWORD"]


def test_axes_locks_out_who_fails_and_nobody_else(site):
    attacker = Visitor(site, "127.0.0.10")
    statuses = [attacker.log_in(ADMIN, "wrong") for _ in range(5)]
    assert statuses == [200, 200, 200, 200, 429]
    assert attacker.log_in(ADMIN, RIGHT) == 429
    assert Visitor(site, "127.0.0.11").log_in(ADMIN, RIGHT) == 302


def test_allauth_limits_each_visitor(site):
    attacker = Visitor(site, "127.0.0.20")
    statuses = [attacker.log_in(ALLAUTH, "wrong", "login") for _ in range(4)]
    assert statuses == [200, 200, 200, 429]
    assert Visitor(site, "127.0.0.21").log_in(ALLAUTH, RIGHT, "login") == 302


def test_rest_framework_throttles_each_visitor(site):
    hurried = Visitor(site, "127.0.0.30")
    assert [hurried.get("/api").status for _ in range(4)] == [200, 200, 200, 429]
    assert Visitor(site, "127.0.0.31").get("/api").status == 200


def test_the_limit_on_log_ins_counts_the_visitor(site):
    attacker = Visitor(site, "127.0.0.40")
    for _ in range(3):
        assert attacker.log_in(ADMIN, "wrong") == 200
    assert attacker.log_in(ADMIN, RIGHT) == 200
    assert Visitor(site, "127.0.0.41").log_in(ADMIN, RIGHT) == 302
    # At most once a minute; an attacker of another test may have been the first.
    assert re.search(r"many wrong passwords from 127\.0\.0\.\d0", site.dyno.log)


def test_the_access_log_has_the_whole_list_which_ends_with_the_visitor(site):
    Visitor(site, "127.0.0.50").get("/robots.txt")
    line = r"path=/robots\.txt .* fwd=198\.51\.100\.1,127\.0\.0\.50 status=200"
    parts.wait_until(lambda: re.search(line, site.dyno.log))
