"""The tests of a new project stay green when its owner changes the site."""

import shutil

import pytest
from projects import append, archive, call, change, packages, run, start

NAME = "bookshop"

QUERY = """
from django.contrib.auth import get_user_model

def query(get_response):
    def middleware(request):
        get_user_model().objects.count()
        return get_response(request)
    return middleware
"""

CLOSED = """
from django.http import HttpResponse

def closed(get_response):
    return lambda request: HttpResponse(status=401)
"""

# A menu in the base template: a tag that asks the database, and the request.
MENU = """
from django import template
from django.contrib.auth import get_user_model
register = template.Library()
@register.simple_tag(takes_context=True)
def menu(context):
    return context["request"].path * get_user_model().objects.count()
"""

ERROR_HANDLERS = """
from django.http import HttpResponse
handler404 = lambda request, exception: HttpResponse(status=404)
handler500 = lambda request: HttpResponse(status=500)
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

AUTH = "django.contrib.auth"
LOCALE = '"django.middleware.locale.LocaleMiddleware"'

# What an owner adds at the end of files; those without a folder are the package's.
CHANGES = {
    "no home page and no admin": {"urls.py": "urlpatterns = urlpatterns[1:5]\n"},
    "a log-in for everybody": {
        "settings.py": f'MIDDLEWARE += ["{AUTH}.middleware.LoginRequiredMiddleware"]\n'
        'LOGIN_URL = "admin:login"\n'
    },
    "a query on each page": {
        "middleware.py": QUERY,
        "settings.py": f'MIDDLEWARE += ["{NAME}.middleware.query"]\n',
    },
    "a password first": {
        "middleware.py": CLOSED,
        "settings.py": f'MIDDLEWARE.insert(0, "{NAME}.middleware.closed")\n',
    },
    # As Django's tutorial and its documentation of the log-in views have them.
    "templates that need a context": {
        "templates/blog/post.html": "{% url 'post' post.pk %}",
        "templates/registration/password_reset_email.html": "{% url 'reset' uid %}",
        "templates/email/greeting.html": "{% include greeting %}",
    },
    "a query in each template": {
        f"{NAME}/templatetags/__init__.py": "",
        f"{NAME}/templatetags/menu.py": MENU,
        "templates/site.html": "{% load menu %}{% menu %}",
    },
    "each language below its own path": {
        "settings.py": f"MIDDLEWARE += [{LOCALE}]\n",
        "urls.py": "from django.conf.urls.i18n import i18n_patterns\n"
        "urlpatterns = i18n_patterns(*urlpatterns)\n",
    },
    "all addresses in one view": {
        "urls.py": "from django.urls import re_path\n"
        'urlpatterns.append(re_path("", views.home))\n'
    },
    "other settings": {"settings.py": SETTINGS},
    "no policy and no headers": {
        "settings.py": "del SECURE_CSP, SECURITY_HEADERS\n"
        'MIDDLEWARE.remove("django.middleware.csp.ContentSecurityPolicyMiddleware")\n'
    },
}


@pytest.fixture(scope="module")
def created(repository, tmp_path_factory):
    """A project with its own name, from the archive of the working tree."""
    folder = tmp_path_factory.mktemp("owner")
    return start(archive(repository, folder / "own.zip"), NAME, folder)


@pytest.fixture
def project(created, tmp_path):
    """A copy of the project for one owner's changes."""
    return shutil.copytree(created, tmp_path / NAME)


@pytest.fixture
def pytest_command(created):
    """The command that runs a project's tests."""
    return [packages(created) / "bin/python", "-m", "pytest", "-q"]


@pytest.mark.parametrize("files", CHANGES.values(), ids=CHANGES)
def test_the_owners_tests_pass_after_a_change(project, pytest_command, files):
    for name, text in files.items():
        append(project / name if "/" in name else project / NAME / name, text)
    said = call(*pytest_command, cwd=project)
    assert " passed" in said and " failed" not in said


def test_the_owners_tests_need_no_error_page(project, pytest_command):
    for name in ("403_csrf", "404", "500"):
        (project / f"templates/{name}.html").unlink()
    append(project / NAME / "urls.py", ERROR_HANDLERS)
    call(*pytest_command, cwd=project)


def test_the_owners_tests_need_no_right_to_another_database(
    project, pytest_command, postgres
):
    url = postgres.create("shop")
    postgres.psql("REVOKE CONNECT ON DATABASE postgres FROM PUBLIC")
    try:
        call(*pytest_command, cwd=project, DATABASE_URL=url)
    finally:
        postgres.psql("GRANT CONNECT ON DATABASE postgres TO PUBLIC")


PASSWORDS = """
from django.contrib.auth.hashers import check_password, make_password


def test_it():
    assert make_password("a").startswith("md5$")
    assert check_password("a", make_password("a", hasher="pbkdf2_sha256"))
"""


def test_the_owners_tests_hash_passwords_fast_and_know_those_of_fixtures(
    project, pytest_command
):
    append(project / "tests/test_mine.py", PASSWORDS)
    call(*pytest_command, "tests/test_mine.py", cwd=project)


@pytest.mark.parametrize(
    "path, before, after",
    [
        ("templates/site.html", "site.css", "no-such.css"),
        (f"{NAME}/settings.py", "SECURE_SSL_REDIRECT = not LOCAL", ""),
        (f"{NAME}/settings.py", '    "dyno.middleware.default_headers",\n', ""),
        (f"{NAME}/views.py", '"home.html"', '"hime.html"'),
        ("templates/404.html", "{% block main %}", "{% block main %}{% static x %}"),
    ],
)
def test_the_owners_tests_find_a_mistake(project, pytest_command, path, before, after):
    change(project / path, (before, after))
    result = run(*pytest_command, cwd=project)
    assert result.returncode == 1, result.stdout
