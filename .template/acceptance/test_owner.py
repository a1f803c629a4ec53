"""The tests of a new project stay green when its owner changes the site."""

import pytest
from projects import append, call, change, run

TESTS = (".venv/bin/python", "-m", "pytest", "-q")

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
MIDDLEWARE += ["django.middleware.cache.FetchFromCacheMiddleware"]
MIDDLEWARE += ["bookshop.middleware.query"]
"""

NO_POLICY = """
del SECURE_CSP, SECURITY_HEADERS
MIDDLEWARE.remove("django.middleware.csp.ContentSecurityPolicyMiddleware")
"""

LOG_IN = "django.contrib.auth.middleware.LoginRequiredMiddleware"
LOCALE = "django.middleware.locale.LocaleMiddleware"

# What an owner adds at the end of files.
CHANGES = {
    "no admin, one view for all, no error page, no policy and no headers": {
        "bookshop/urls.py": ONE_VIEW + ERROR_HANDLERS,
        "bookshop/settings.py": NO_POLICY,
    },
    "a log-in for everybody, and each language below its own path": {
        "bookshop/settings.py": 'LOGIN_URL = "admin:login"\n'
        f'MIDDLEWARE += ["{LOG_IN}", "{LOCALE}"]\n',
        "bookshop/urls.py": LANGUAGES,
    },
    "a query on each page, the request in its template, and other settings": {
        "bookshop/settings.py": SETTINGS,
        "templates/site.html": "{% querystring page=2 %}",
    },
    "a password first": {
        "bookshop/settings.py": 'MIDDLEWARE.insert(0, "bookshop.middleware.closed")\n',
    },
}


@pytest.mark.parametrize("changed", CHANGES)
def test_the_owners_tests_pass_after_a_change(project, changed):
    append(project / "bookshop/middleware.py", MIDDLEWARE)
    for name, text in CHANGES[changed].items():
        append(project / name, text)
    if "no error page" in changed:
        for name in ("403_csrf", "404", "500"):
            (project / f"templates/{name}.html").unlink()
    said = call(*TESTS, "-rs", cwd=project)
    is_closed = changed == "a password first"
    assert ("A middleware answered in place of the view" in said) is is_closed


PASSWORDS = """
from django.contrib.auth.hashers import check_password, make_password


def test_it():
    assert make_password("a").startswith("md5$")
    assert check_password("a", make_password("a", hasher="pbkdf2_sha256"))
"""


def test_the_owners_tests_need_no_other_database_and_hash_passwords_fast(
    project, postgres
):
    append(project / "tests/test_mine.py", PASSWORDS)
    url = postgres.create("shop")
    postgres.psql("REVOKE CONNECT ON DATABASE postgres FROM PUBLIC")
    try:
        call(*TESTS, cwd=project, DATABASE_URL=url)
    finally:
        postgres.psql("GRANT CONNECT ON DATABASE postgres TO PUBLIC")


@pytest.mark.parametrize(
    "path, before, after",
    [
        ("templates/site.html", "site.css", "no-such.css"),
        ("bookshop/settings.py", "SECURE_SSL_REDIRECT = not LOCAL", ""),
        ("bookshop/settings.py", '    "dyno.middleware.default_headers",\n', ""),
        ("templates/404.html", "{% block main %}", "{% block main %}{% static x %}"),
    ],
)
def test_the_owners_tests_find_a_mistake(project, path, before, after):
    change(project / path, (before, after))
    result = run(*TESTS, cwd=project)
    assert result.returncode == 1, result.stdout
