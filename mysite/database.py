"""Whether there is a database, and what it is told of the request that asks it."""

from django.db import connection
from django.db.backends.signals import connection_created
from django.dispatch import receiver

from mysite import logs


def attached():
    """Return whether there is a database at all: Django puts a dummy for none."""
    return connection.vendor != "unknown"


def name_the_request(execute, sql, params, many, context):
    """Lead each query with its request id, for PostgreSQL's log and pg_stat_activity.

    In a comment, for a comment costs no query; the id is clean of anything that could
    end it or that psycopg would take for a parameter: see logs.clean_request_id.
    """
    if isinstance(sql, str):  # and not one of psycopg's composed queries
        sql = f"/* request_id={logs.request_id.get()} */ {sql}"
    return execute(sql, params, many, context)


@receiver(connection_created)
def add_request_id(connection, **kwargs):
    """Add the request id to the queries of a new PostgreSQL connection."""
    wrappers = connection.execute_wrappers
    if connection.vendor == "postgresql" and name_the_request not in wrappers:
        wrappers.append(name_the_request)
