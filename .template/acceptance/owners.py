"""What owners change in a project."""

import shutil

import heroku
from projects import append, call, change

NAME = "bookshop"


def nothing(project):
    """Leave the project as `startproject` makes it."""


def move_the_admin(project):
    change(project / NAME / "urls.py", ('path("admin/"', 'path("office/"'))


def delete_the_admin(project):
    change(
        project / NAME / "urls.py",
        ('    path("admin/", admin.site.urls),\n', ""),
        ("from django.contrib import admin\n", ""),
    )


def delete_the_docs(project):
    shutil.rmtree(project / "docs")


def delete_the_home_page(project):
    route = '    path("", views.home, name="home"),\n'
    change(project / NAME / "urls.py", (route, ""))
    (project / "templates/home.html").unlink()
    (project / "static/site.js").unlink()


def write_a_500_page(project):
    page = "<!doctype html><title>Oh dear</title><h1>Oh dear</h1>\n"
    (project / "templates/500.html").write_text(page)


def raise_hsts_to_a_year(project):
    domains = "SECURE_HSTS_INCLUDE_SUBDOMAINS"
    change(
        project / NAME / "settings.py",
        ('_SECONDS", 3600)', '_SECONDS", 31_536_000)'),
        ("SECURE_SSL_REDIRECT =", f"{domains} = True\nSECURE_SSL_REDIRECT ="),
    )


def translate_the_site(project):
    code = ('LANGUAGE_CODE = "en-us"', 'LANGUAGE_CODE = "ar"')
    change(project / NAME / "settings.py", code)


def ask_everybody_to_log_in(project):
    middleware = "django.contrib.auth.middleware.AuthenticationMiddleware"
    login = middleware.replace("Authentication", "LoginRequired")
    lines = f'"{middleware}",\n', f'"{middleware}",\n    "{login}",\n'
    change(project / NAME / "settings.py", lines)
    settings = project / NAME / "settings.py"
    settings.write_text(settings.read_text() + '\nLOGIN_URL = "admin:login"\n')


def allow_another_origin(project):
    origin = '"script-src": OWN', '"script-src": [*OWN, "https://cdn.example.com"]'
    change(project / NAME / "settings.py", origin)


def delete_runtime_txt(project):
    (project / "runtime.txt").unlink()


MIDDLEWARE = """
from django.contrib.auth import get_user_model
from django.http import HttpResponse

def query(get_response):
    def middleware(request):
        get_user_model().objects.count()
        return get_response(request)
    return middleware

def ask_for_a_password(get_response):
    return lambda request: HttpResponse(status=401)
"""


def add_middleware(project, name):
    append(project / NAME / "middleware.py", MIDDLEWARE)
    append(
        project / NAME / "settings.py", f'MIDDLEWARE += ["{NAME}.middleware.{name}"]'
    )


def query_on_each_page(project):
    add_middleware(project, "query")


def ask_for_a_password_first(project):
    append(project / NAME / "middleware.py", MIDDLEWARE)
    first = f'MIDDLEWARE.insert(0, "{NAME}.middleware.ask_for_a_password")'
    append(project / NAME / "settings.py", first)


def write_templates_that_need_a_context(project):
    """As Django's tutorial and its documentation of the log-in views have them."""
    templates = {
        "blog/post.html": "{% url 'post' post.pk %}",
        "registration/password_reset_email.html": "{% url 'reset' uid token %}",
        "email/greeting.html": "{% include greeting %}",
    }
    for name, text in templates.items():
        append(project / "templates" / name, text)


def query_in_each_template(project):
    """A menu in the base template: a tag that asks the database, and the request."""
    tags = (
        "from django import template\n"
        "from django.contrib.auth import get_user_model\n"
        "register = template.Library()\n"
        "@register.simple_tag(takes_context=True)\n"
        "def menu(context):\n"
        "    return context['request'].path * get_user_model().objects.count()\n"
    )
    append(project / NAME / "templatetags/__init__.py", "")
    append(project / NAME / "templatetags/menu.py", tags)
    change(
        project / "templates/site.html",
        ("<main>", "{% load menu %}{% menu %}<main>"),
    )


def serve_each_language_below_its_own_path(project):
    session = '    "django.contrib.sessions.middleware.SessionMiddleware",\n'
    locale = '    "django.middleware.locale.LocaleMiddleware",\n'
    change(project / NAME / "settings.py", (session, session + locale))
    append(
        project / NAME / "urls.py",
        "from django.conf.urls.i18n import i18n_patterns\n"
        "urlpatterns = i18n_patterns(*urlpatterns)\n",
    )


def log_in_elsewhere(project):
    """As two-factor and allauth do."""
    append(
        project / NAME / "urls.py",
        "from django.contrib.auth.decorators import login_required\n"
        'admin.site.login = login_required(admin.site.login, login_url="/accounts/")\n',
    )


SETTINGS = """
MAILERS = {"default": {"BACKEND": f"{__package__}.mail.Anymail"}}
DATABASES["default"]["ATOMIC_REQUESTS"] = True
SESSION_COOKIE_NAME = "session"
CSRF_COOKIE_NAME = "csrf"
SECURE_HSTS_SECONDS = 0
X_FRAME_OPTIONS = "SAMEORIGIN"
ALLOWED_HOSTS = ["*"]
USE_TZ = False
APPEND_SLASH = False
SESSION_SAVE_EVERY_REQUEST = True
SESSION_ENGINE = "django.contrib.sessions.backends.signed_cookies"
TASKS = {"default": {"BACKEND": "django.tasks.backends.immediate.ImmediateBackend"}}
CACHES = {"default": {"BACKEND": "django.core.cache.backends.dummy.DummyCache"}}
MIDDLEWARE.insert(0, "django.middleware.cache.UpdateCacheMiddleware")
MIDDLEWARE.append("django.middleware.cache.FetchFromCacheMiddleware")
"""


MAILER = """
from django.core.mail.backends.base import BaseEmailBackend


class Anymail(BaseEmailBackend):
    pass
"""


def write_other_settings(project):
    append(project / NAME / "mail.py", MAILER)
    append(project / NAME / "settings.py", SETTINGS)


def use_a_nonce(project):
    nonce = 'SECURE_CSP["script-src"] = [*OWN, CSP.NONCE]'
    append(project / NAME / "settings.py", nonce)


def delete_the_policy_and_the_headers(project):
    csp = "django.middleware.csp.ContentSecurityPolicyMiddleware"
    lines = f'del SECURE_CSP, SECURITY_HEADERS\nMIDDLEWARE.remove("{csp}")\n'
    append(project / NAME / "settings.py", lines)


def write_other_error_pages(project):
    append(
        project / NAME / "urls.py",
        "from django.http import HttpResponse\n"
        "handler404 = lambda request, exception: HttpResponse(status=404)\n"
        "handler500 = lambda request: HttpResponse(status=500)\n",
    )
    for name in ("403_csrf", "404", "500"):
        (project / f"templates/{name}.html").unlink()


def catch_all_addresses(project):
    append(
        project / NAME / "urls.py",
        "from django.urls import re_path\n"
        'urlpatterns.append(re_path("", views.home))\n',
    )


USER = """
from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.db import models


class UserManager(BaseUserManager):
    def create_superuser(self, email, password, birthday):
        user = self.model(email=email, birthday=birthday, is_superuser=True)
        user.set_password(password)
        user.save()
        return user


class User(AbstractBaseUser, PermissionsMixin):
    email = models.EmailField(unique=True)
    birthday = models.DateField()
    is_staff = models.BooleanField(default=True)
    objects = UserManager()
    USERNAME_FIELD = "email"
    REQUIRED_FIELDS = ["birthday"]
"""


def log_in_by_email(project):
    (project / NAME / "models.py").write_text(USER)
    (project / NAME / "admin.py").write_text("")
    (project / NAME / "migrations/0001_initial.py").unlink()
    python = heroku.installed(
        (project / ".python-version").read_text().strip(),
        project / "requirements-test.txt",
    )
    command = (python / "bin/python", "manage.py", "makemigrations", NAME)
    call(*command, cwd=project, DJANGO_LOCAL="1")


def import_what_warns(project):
    test = 'import warnings\nwarnings.warn("old", DeprecationWarning)\n'
    append(project / "tests/test_mine.py", test + "def test_it():\n    pass\n")


def install_an_app_whose_checks_warn(project):
    append(
        project / NAME / "models.py",
        "from django.core import checks\n"
        "@checks.register\n"
        "def unfinished(app_configs, **kwargs):\n"
        '    return [checks.Warning("Finish me", id="shop.W001")]\n',
    )


CHANGES = (
    nothing,
    move_the_admin,
    delete_the_admin,
    delete_the_docs,
    delete_the_home_page,
    write_a_500_page,
    raise_hsts_to_a_year,
    translate_the_site,
    ask_everybody_to_log_in,
    allow_another_origin,
    delete_runtime_txt,
    query_on_each_page,
    write_templates_that_need_a_context,
    query_in_each_template,
    serve_each_language_below_its_own_path,
    log_in_elsewhere,
    write_other_settings,
    use_a_nonce,
    catch_all_addresses,
    import_what_warns,
    install_an_app_whose_checks_warn,
)
# Each of these would leave less for the others to break.
ALONE = (
    ask_for_a_password_first,
    delete_the_policy_and_the_headers,
    write_other_error_pages,
    log_in_by_email,
)
