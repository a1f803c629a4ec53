"""What a release says of an error of the database."""

import psycopg
import pytest
from django.db import OperationalError

from dyno import refusals


def caused(state, text):
    error = OperationalError(text)
    error.__cause__ = psycopg.errors.lookup(state)(text)
    return error


@pytest.mark.parametrize(
    "error, cause, fix",
    [
        (caused("42501", "must be owner of table t"), "may not change it", "GRANT"),
        (caused("55P03", "Sperre"), "another process holds a lock", "find it"),
        (OperationalError("no password\n"), "no password", "correct its URL"),
    ],
)
def test_an_error_is_told_with_what_helps_on_any_host(error, cause, fix):
    said = refusals.refusal("default", error)
    assert said.startswith("The database in DATABASE_URL cannot be used: ")
    assert cause in said and fix in said.partition("Fix: ")[2]
    assert "that was live stays live. Then: " in said
    said = refusals.refusal("orders", error)
    assert said.startswith("The database orders cannot be used: ")
    assert cause in refusals.failure(error) and "Fix: " in refusals.failure(error)
