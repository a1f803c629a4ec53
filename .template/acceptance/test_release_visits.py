"""The pages that a release asks the site for."""

from projects import append
from releases import copy_slug, release

HOME = """
def home(request):
    from mysite.models import User

    User.objects.get()
"""


def test_a_home_page_that_needs_data_stops_the_release_unless_it_is_not_asked_for(
    site, postgres, tmp_path
):
    slug, config_vars, name = site
    slug = copy_slug(slug, tmp_path)
    append(slug / "mysite/views.py", HOME)
    passed, output = release(slug, config_vars)
    assert not passed
    last = output.splitlines()[-1]
    cause = "DoesNotExist: User matching query does"
    assert last.startswith(f"CommandError: The page / fails. {cause}")
    assert "the release that was live stays live. Fix: " in last
    assert output.count("traceback=") == 1
    assert "mysite_user" in postgres.psql("SELECT tablename FROM pg_tables", name)

    without_database = {"DJANGO_SECRET_KEY": config_vars["DJANGO_SECRET_KEY"]}
    passed, output = release(slug, without_database)
    assert passed, output
    assert output.count("==> The page ") == 1
    assert output.endswith("\n==> The page / answers 503\n")

    append(slug / "mysite/settings.py", "RELEASE_VISITS = []")
    passed, output = release(slug, config_vars)
    assert passed, output
    assert output.endswith("==> RELEASE_VISITS is empty, so no page is visited\n")
