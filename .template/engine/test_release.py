"""What a release says when a migration fails."""

from django.db import OperationalError

from dyno import database
from dyno.refusals import failure

GONE = OperationalError("server closed the connection unexpectedly")


def test_a_database_that_went_away_meanwhile_is_told(use_databases, django_db_blocker):
    url = "postgres://user:password@127.0.0.1:1/name"
    use_databases(default=database.parse(url, local=True))
    with django_db_blocker.unblock():
        said = failure("default", GONE)
    assert said.startswith("The database in DATABASE_URL cannot be used: ")
    assert "refused" in said and "password" not in said
    assert "Fix: start it, or correct its URL. The release that was live" in said


def test_a_step_after_the_migrations_that_fails_is_told(db):
    said = failure("default", ValueError("no such group"))
    assert said.startswith("A step after the migrations failed: no such group")
