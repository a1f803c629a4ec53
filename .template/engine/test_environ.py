"""Config vars: those that are numbers, and how one is set."""

import pytest
from django.core.exceptions import ImproperlyConfigured

from dyno.environ import whole_number


@pytest.mark.parametrize("text, number", [("0", 0), (" 31536000\n", 31536000), ("", 7)])
def test_a_number_is_read_and_an_empty_one_is_the_default(monkeypatch, text, number):
    monkeypatch.setenv("WEB_THREADS", text)
    assert whole_number("WEB_THREADS", 7) == number


@pytest.mark.parametrize("text", ["1 year", "-1", "\u00b2", " "])
@pytest.mark.parametrize("dyno, command", [("web.1", "heroku config:set "), ("", "")])
def test_another_text_is_reported_by_its_name_and_never_repeated(
    monkeypatch, text, dyno, command
):
    monkeypatch.setenv("DJANGO_TRUSTED_HOPS", text)
    monkeypatch.delenv("DYNO", raising=False)
    if dyno:
        monkeypatch.setenv("DYNO", dyno)
    with pytest.raises(ImproperlyConfigured) as caught:
        whole_number("DJANGO_TRUSTED_HOPS", 1)
    assert str(caught.value) == (
        "DJANGO_TRUSTED_HOPS is not a whole number. "
        f"Fix: {command}DJANGO_TRUSTED_HOPS=1  (docs/errors.md#e040)"
    )
