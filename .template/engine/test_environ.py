"""Config vars that are numbers."""

import pytest

from dyno.environ import whole_number


@pytest.mark.parametrize("text, number", [("0", 0), (" 31536000\n", 31536000), ("", 7)])
def test_a_number_is_read_and_an_empty_one_is_the_default(monkeypatch, text, number):
    monkeypatch.setenv("WEB_THREADS", text)
    assert whole_number("WEB_THREADS", 7) == number
