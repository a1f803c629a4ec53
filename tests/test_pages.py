"""What a visitor sees."""

import pytest
from django.core.exceptions import PermissionDenied
from django.db import OperationalError
from django.http import HttpResponse
from django.urls import NoReverseMatch, reverse


def address(name):
    """Return the path of a page by its name in urls.py, or skip the test without it."""
    try:
        return reverse(name)
    except NoReverseMatch:
        pytest.skip(f"This site has no {name}")


@pytest.mark.django_db
@pytest.mark.parametrize("name", ["home", "robots", "ready", "up"])
def test_a_page_is_there(visitor, name):
    assert visitor.get(address(name)).status_code == 200


def test_a_browser_that_asks_for_an_icon_gets_one(visitor):
    assert visitor.get(address("favicon")).status_code == 302


def test_the_admin_lets_a_superuser_in(visitor, admin_user):
    index = address("admin:index")
    form = {"username": admin_user.get_username(), "password": "password"}
    answer = visitor.post(f"{address('admin:login')}?next={index}", form)
    assert answer.headers["Location"] == index
    assert visitor.get(index).status_code == 200


def test_the_admin_lets_nobody_in_with_a_wrong_password(visitor, admin_user):
    form = {"username": admin_user.get_username(), "password": "wrong"}
    assert visitor.post(address("admin:login"), form).status_code == 200
    assert visitor.get(address("admin:index")).status_code == 302


def test_the_admin_shows_the_users(admin_client, django_user_model):
    meta = django_user_model._meta
    url = address(f"admin:{meta.app_label}_{meta.model_name}_changelist")
    assert admin_client.get(url).status_code == 200


def templates_of(answer):
    """Return the names of the templates that a page was made of."""
    return [template.name for template in answer.templates]


def test_an_unknown_address_is_a_404(visitor):
    answer = visitor.get("/no-such-page")
    assert answer.status_code == 404
    assert "404.html" in templates_of(answer)


@pytest.mark.parametrize(
    "error, status",
    [
        (PermissionDenied("x"), 403),
        (RuntimeError("x"), 500),
        (OperationalError("the database is away"), 503),
    ],
)
def test_an_error_has_its_page(visitor, page, error, status):
    def view(request):
        raise error

    answer = visitor.get(page(view))
    assert answer.status_code == status
    assert f"{status}.html" in templates_of(answer)


def test_a_form_without_its_token_is_a_403(visitor, page):
    visitor.handler.enforce_csrf_checks = True
    url = page(lambda request: HttpResponse())
    assert visitor.post(url, {"word": "a"}).status_code == 403


def test_a_host_that_is_not_ours_is_a_400(visitor, page):
    url = page(lambda request: HttpResponse())
    assert visitor.get(url, headers={"host": "evil.invalid"}).status_code == 400
