"""Config vars that are numbers."""

import pytest
from django.core.exceptions import ImproperlyConfigured

from dyno.environ import whole_number


@pytest.mark.parametrize("text, number", [("0", 0), (" 31536000\n", 31536000), ("", 7)])
def test_a_number_is_read_and_an_empty_one_is_the_default(monkeypatch, text, number):
    monkeypatch.setenv("WEB_THREADS", text)
    assert whole_number("WEB_THREADS", 7) == number


@pytest.mark.parametrize("text", ["1 year", "-1", "\u00b2", " "])
def test_another_text_is_refused(monkeypatch, text):
    monkeypatch.setenv("WEB_THREADS", text)
    with pytest.raises(
        ImproperlyConfigured, match="^WEB_THREADS is not a whole number"
    ):
        whole_number("WEB_THREADS", 7)
