"""A package that limits visitors by their address sees it behind the router."""

import re
from itertools import count

import heroku
from deployment import PASSWORD, deployed, post

# It is not told how to find the address.
SETTINGS = """
INSTALLED_APPS += ["axes"]
MIDDLEWARE += ["axes.middleware.AxesMiddleware"]
AUTHENTICATION_BACKENDS.insert(0, "axes.backends.AxesStandaloneBackend")
AXES_FAILURE_LIMIT = 5
"""


class Visitor(heroku.Client):
    """A visitor of the router, from an address of this machine.

    With each request it forges another beginning of X-Forwarded-For.
    """

    def __init__(self, site, number):
        super().__init__(site.router.tls_port, site.router.certificate)
        self.connection.source_address = (f"127.0.0.{number}", 0)
        self.forged = (f"198.51.100.{number}" for number in count(1))

    def log_in(self, password):
        fields = {"username": "root", "password": password}
        forged = next(self.forged)
        return post(self, "/admin/login/", fields, X_Forwarded_For=forged).status


def test_axes_locks_out_who_fails_and_nobody_else(copy_project, postgres):
    project = copy_project("limited").append("mysite/settings.py", SETTINGS)
    # pip wants a hash for every package or for none.
    lock = (project.folder / "requirements.txt").read_text()
    unhashed = re.sub(r" \\\n +--hash=\S+", "", lock)
    project.write("requirements.txt", f"{unhashed}django-axes==8.3.1\n")
    with deployed(project, DATABASE_URL=postgres.create("limited")) as site:
        attacker = Visitor(site, 10)
        statuses = [attacker.log_in("wrong") for _ in range(5)]
        assert statuses == [200, 200, 200, 200, 429]
        assert attacker.log_in(PASSWORD) == 429
        assert Visitor(site, 11).log_in(PASSWORD) == 302
