"""Config vars: those that are numbers, and how one is set."""

import pytest
from django.core.exceptions import ImproperlyConfigured

from dyno.environ import config_set, whole_number


@pytest.mark.parametrize(
    "text, number", [("2", 2), ("0", 0), (" 31536000\n", 31536000), ("", 40)]
)
def test_a_number_is_read_and_an_empty_one_is_the_default(monkeypatch, text, number):
    monkeypatch.setenv("WEB_THREADS", text)
    assert whole_number("WEB_THREADS", 40) == number


def test_a_config_var_that_is_not_set_is_the_default(monkeypatch):
    monkeypatch.delenv("WEB_THREADS", raising=False)
    assert whole_number("WEB_THREADS", 40) == 40


@pytest.mark.parametrize("text", ["1 year", "all", "-1", "1.5", "\u00b2", " ", "1_0"])
def test_another_text_is_reported_by_its_name_and_never_repeated(monkeypatch, text):
    monkeypatch.setenv("DYNO", "web.1")
    monkeypatch.setenv("DJANGO_TRUSTED_HOPS", text)
    with pytest.raises(ImproperlyConfigured) as caught:
        whole_number("DJANGO_TRUSTED_HOPS", 1)
    assert str(caught.value) == (
        "DJANGO_TRUSTED_HOPS is not a whole number. "
        "Fix: heroku config:set DJANGO_TRUSTED_HOPS=1  (docs/errors.md#e040)"
    )


def test_no_message_names_a_command_of_heroku_elsewhere(monkeypatch):
    monkeypatch.delenv("DYNO", raising=False)
    assert config_set("WEB_THREADS=40") == "WEB_THREADS=40"
