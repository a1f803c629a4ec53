"""What the tests of the site share."""

from importlib import import_module
from types import ModuleType

import pytest
from django.urls import path


@pytest.fixture
def answer(client, settings):
    """Return a function that returns what a visitor gets of a page with this view.

    If a middleware answers in place of the view, the test is skipped.
    """

    def answer_of(view):
        asked = []

        def page(request):
            asked.append(request)
            return view(request)

        # Open to everybody, even with LoginRequiredMiddleware.
        page.login_required = False
        urls = ModuleType("urls")
        vars(urls).update(vars(import_module(settings.ROOT_URLCONF)))
        urls.urlpatterns = [path("a-page-of-a-test", page), *urls.urlpatterns]
        settings.ROOT_URLCONF = urls
        response = client.get("/a-page-of-a-test")
        if not asked:
            pytest.skip("A middleware answered in place of the view")
        return response

    return answer_of
