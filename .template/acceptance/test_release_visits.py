"""The pages that a release asks the site for."""

import subprocess

import heroku
import pytest
from projects import append
from releases import copy_slug, release

HOME = """
def home(request):
    from mysite.models import User

    %s
"""

PAGES = {
    "needs data": ("User.objects.get()", "DoesNotExist: User matching query does"),
    "has no build": (
        "return render(request, 'vite.html')",
        "DjangoViteAssetNotFoundError: Cannot find main.js",
    ),
    "was not compressed": (
        "return render(request, 'compress.html')",
        "OfflineGenerationError: You have offline compression enabled but key",
    ),
}

# What their documentation says, without the command that it also names.
PACKAGES = """
INSTALLED_APPS += ["django_vite", "compressor"]
DJANGO_VITE = {"default": {"dev_mode": False}}
STATICFILES_FINDERS = [
    "django.contrib.staticfiles.finders.FileSystemFinder",
    "django.contrib.staticfiles.finders.AppDirectoriesFinder",
    "compressor.finders.CompressorFinder",
]
COMPRESS_OFFLINE = True
"""

TEMPLATES = {
    "vite.html": "{% load django_vite %}{% vite_asset 'main.js' %}",
    "compress.html": "{% load compress %}{% compress js %}<script>1</script>"
    "{% endcompress %}",
}


@pytest.fixture(scope="module")
def unbuilt(slug, tmp_path_factory):
    """A slug with packages whose builds did not run: leave it as it is."""
    slug = copy_slug(slug, tmp_path_factory.mktemp("pages"))
    python = slug / ".heroku/python/bin/python"
    packages = slug / "site-packages"
    names = ["django-vite==3.1.0", "django-compressor==4.6.0"]
    pip = [python, "-m", "pip", "install", "--quiet", "--no-deps", "--target", packages]
    more = ["django-appconf==1.2.0", "rcssmin==1.2.2", "rjsmin==1.2.5"]
    subprocess.run([*pip, *names, *more], check=True, env=heroku.shell())
    append(slug / "mysite/settings.py", PACKAGES)
    for name, text in TEMPLATES.items():
        (slug / "templates" / name).write_text(text)
    return slug


@pytest.mark.parametrize(("line", "cause"), PAGES.values(), ids=PAGES)
def test_a_home_page_that_fails_stops_the_release_with_its_cause(
    unbuilt, site, postgres, tmp_path, line, cause
):
    _, config_vars, name = site
    slug = copy_slug(unbuilt, tmp_path)
    append(slug / "mysite/views.py", HOME % line)
    packages = {"PYTHONPATH": str(unbuilt / "site-packages")}
    passed, output, _ = release(slug, config_vars | packages)
    assert not passed
    last = output.splitlines()[-1]
    assert last.startswith(f"CommandError: The page / fails. {cause}")
    assert "the release that was live stays live. Fix: " in last
    assert output.count("traceback=") == 1
    assert "mysite_user" in postgres.psql("SELECT tablename FROM pg_tables", name)


def test_a_page_that_waits_for_data_passes_without_visits(site, tmp_path):
    slug, config_vars, _ = site
    slug = copy_slug(slug, tmp_path)
    append(slug / "mysite/views.py", HOME % "User.objects.get()")
    append(slug / "mysite/settings.py", "RELEASE_VISITS = []")
    passed, output, _ = release(slug, config_vars)
    assert passed, output
    assert output.endswith("==> RELEASE_VISITS is empty, so no page is visited\n")


def test_a_home_page_without_the_database_that_it_needs_is_released(
    slug, tmp_path, secret_key
):
    slug = copy_slug(slug, tmp_path)
    append(slug / "mysite/views.py", HOME % "User.objects.get()")
    passed, output, _ = release(slug, {"DJANGO_SECRET_KEY": secret_key})
    assert passed, output
    assert output.endswith("==> The page / answers 503\n")


URLS = """
from django.conf.urls.i18n import i18n_patterns

urlpatterns = i18n_patterns(*urlpatterns)
"""
SETTINGS = """
MIDDLEWARE += [
    "django.middleware.locale.LocaleMiddleware",
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
]
LOGIN_URL = "admin:login"
"""


def test_languages_and_a_log_in_for_everything_are_released(site, tmp_path):
    slug, config_vars, _ = site
    slug = copy_slug(slug, tmp_path)
    append(slug / "mysite/urls.py", URLS)
    append(slug / "mysite/settings.py", SETTINGS)
    passed, output, _ = release(slug, config_vars)
    assert passed, output
    assert "==> The page / answers 200" in output
    assert "==> The page /en/admin/login/ answers 200" in output
