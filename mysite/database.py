"""Whether there is a database, and what it is told of the request that asks it."""

import select
import time

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


# Of the plan's connections, this share is kept between requests. The rest is for the
# moment: more dynos, the second generation in a deploy, the release phase, pg:psql.
KEPT = 0.5

CROWDED = """
    SELECT count(*) > %s * (
        SELECT CASE rolconnlimit WHEN -1 THEN current_setting('max_connections')::int
        ELSE rolconnlimit END FROM pg_roles WHERE rolname = current_user
    ) FROM pg_stat_activity WHERE usename = current_user
"""


@receiver(connection_created)
def keep_few(connection, **kwargs):
    """Let a new connection end with its request where KEPT are kept already.

    All dynos see the same count, so nobody has to divide the plan's limit by dynos,
    workers and threads; where it is crowded a request pays for its connection again.
    """
    if connection.vendor == "postgresql" and connection.close_at is not None:
        with connection.cursor() as cursor:
            cursor.execute(CROWDED, [KEPT])
            if cursor.fetchone()[0]:
                connection.close_at = time.monotonic()


@receiver(connection_created)
def look_before_asking(connection, **kwargs):
    """Let a health check ask the server only where the socket gives cause for doubt.

    A server that was stopped has hung up, which a look at the socket shows for nothing,
    where a query would cost each request a round trip.
    """
    if connection.vendor != "postgresql" or not hasattr(select, "poll"):
        return  # Windows has no poll
    inner, ask = connection.connection, type(connection).is_usable
    # Readable without having been asked: it holds its end, or a last message.
    news = select.poll()
    news.register(inner.fileno(), select.POLLIN)

    def is_usable():
        if inner.closed or connection.errors_occurred or news.poll(0):
            return ask(connection)
        return True

    connection.is_usable = is_usable
