"""The tests of a new project stay green when its owner changes the site."""

import shutil

import pytest
from projects import append, call, change, make_bookshop, packages, run

MIDDLEWARE = """
from django.contrib.auth import get_user_model
from django.http import HttpResponse

def query(get_response):
    def middleware(request):
        get_user_model().objects.count()
        return get_response(request)
    return middleware

def closed(get_response):
    return lambda request: HttpResponse(status=401)
"""

ERROR_HANDLERS = """
from django.http import HttpResponse
handler404 = lambda request, exception: HttpResponse(status=404)
handler500 = lambda request: HttpResponse(status=500)
"""

ONE_VIEW = """
from django.urls import re_path
urlpatterns = [*urlpatterns[1:5], re_path("", views.home)]
"""

LANGUAGES = """
from django.conf.urls.i18n import i18n_patterns
urlpatterns = i18n_patterns(*urlpatterns)
"""

SETTINGS = """
DATABASES["default"]["ATOMIC_REQUESTS"] = True
SESSION_COOKIE_NAME = "session"
CSRF_COOKIE_NAME = "csrf"
SECURE_CSP["script-src"] = [*OWN, CSP.NONCE]
ALLOWED_HOSTS = ["*"]
LANGUAGE_CODE = "ar"
APPEND_SLASH = False
SESSION_ENGINE = "django.contrib.sessions.backends.signed_cookies"
CACHES = {"default": {"BACKEND": "django.core.cache.backends.dummy.DummyCache"}}
MIDDLEWARE.insert(0, "django.middleware.cache.UpdateCacheMiddleware")
MIDDLEWARE.append("django.middleware.cache.FetchFromCacheMiddleware")
"""

NO_POLICY = """
del SECURE_CSP, SECURITY_HEADERS
MIDDLEWARE.remove("django.middleware.csp.ContentSecurityPolicyMiddleware")
"""

LOG_IN = "django.contrib.auth.middleware.LoginRequiredMiddleware"
LOCALE = "django.middleware.locale.LocaleMiddleware"

# What an owner adds at the end of files.
CHANGES = {
    "no admin, and one view for all": {"bookshop/urls.py": ONE_VIEW},
    "a log-in for everybody": {
        "bookshop/settings.py": 'LOGIN_URL = "admin:login"\n'
        f'MIDDLEWARE += ["{LOG_IN}"]\n'
    },
    "a query on each page, and the request in its template": {
        "bookshop/settings.py": 'MIDDLEWARE += ["bookshop.middleware.query"]\n',
        "templates/site.html": "{% querystring page=2 %}",
    },
    "a password first": {
        "bookshop/settings.py": 'MIDDLEWARE.insert(0, "bookshop.middleware.closed")\n',
    },
    "each language below its own path": {
        "bookshop/settings.py": f'MIDDLEWARE += ["{LOCALE}"]\n',
        "bookshop/urls.py": LANGUAGES,
    },
    "other settings": {"bookshop/settings.py": SETTINGS},
    "no policy and no headers": {"bookshop/settings.py": NO_POLICY},
    "no error page": {"bookshop/urls.py": ERROR_HANDLERS},
}


@pytest.fixture(scope="module")
def created(repository, tmp_path_factory):
    """A project with its own name, from the archive of the working tree."""
    return make_bookshop(repository, tmp_path_factory.mktemp("owner"))


@pytest.fixture
def project(created, tmp_path):
    """A copy of the project for one owner's changes."""
    return shutil.copytree(created, tmp_path / "bookshop")


@pytest.fixture
def pytest_command(created):
    """The command that runs a project's tests."""
    return [packages(created) / "bin/python", "-m", "pytest", "-q"]


@pytest.mark.parametrize("changed", CHANGES)
def test_the_owners_tests_pass_after_a_change(project, pytest_command, changed):
    append(project / "bookshop/middleware.py", MIDDLEWARE)
    for name, text in CHANGES[changed].items():
        append(project / name, text)
    if changed == "no error page":
        for name in ("403_csrf", "404", "500"):
            (project / f"templates/{name}.html").unlink()
    said = call(*pytest_command, "-rs", cwd=project)
    is_closed = changed == "a password first"
    assert ("A middleware answered in place of the view" in said) is is_closed


PASSWORDS = """
from django.contrib.auth.hashers import check_password, make_password


def test_it():
    assert make_password("a").startswith("md5$")
    assert check_password("a", make_password("a", hasher="pbkdf2_sha256"))
"""


def test_the_owners_tests_need_no_other_database_and_hash_passwords_fast(
    project, pytest_command, postgres
):
    append(project / "tests/test_mine.py", PASSWORDS)
    url = postgres.create("shop")
    postgres.psql("REVOKE CONNECT ON DATABASE postgres FROM PUBLIC")
    try:
        call(*pytest_command, cwd=project, DATABASE_URL=url)
    finally:
        postgres.psql("GRANT CONNECT ON DATABASE postgres TO PUBLIC")


@pytest.mark.parametrize(
    "path, before, after",
    [
        ("templates/site.html", "site.css", "no-such.css"),
        ("bookshop/settings.py", "SECURE_SSL_REDIRECT = not LOCAL", ""),
        ("bookshop/settings.py", '    "dyno.middleware.default_headers",\n', ""),
        ("bookshop/views.py", '"home.html"', '"hime.html"'),
        ("templates/404.html", "{% block main %}", "{% block main %}{% static x %}"),
    ],
)
def test_the_owners_tests_find_a_mistake(project, pytest_command, path, before, after):
    change(project / path, (before, after))
    result = run(*pytest_command, cwd=project)
    assert result.returncode == 1, result.stdout
