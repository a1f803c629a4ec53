"""What a release says of an error of the database."""

import psycopg
import pytest
from django.db import OperationalError

from dyno import refusals

LOCKED = OperationalError("in any language")
LOCKED.__cause__ = psycopg.errors.LockNotAvailable()


@pytest.mark.parametrize(
    "error, cause, fix",
    [
        (OperationalError("must be owner of table t"), "may not change it", "GRANT"),
        (LOCKED, "another process holds a lock", "find it"),
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
