"""What speed, boot and memory do as one thing after another grows."""

import contextlib

from contenders import overlay, parts, prepare
from dynos import Dyno
from pooler import PgBouncer

ROUTER = """
defaults
  mode http
  timeout connect 5s
  timeout client 90s
  timeout server 30s
frontend visitors
  bind 127.0.0.1:{port}
  default_backend dynos
backend dynos
  balance random
  http-reuse always
{servers}
"""
CONNECTIONS = 32  # of wrk's, to the router


def rows(ours, postgres):
    """Yield a row for each size of one dyno, of several dynos, and of a site."""
    for workers in (1, 2, 4):
        yield one(ours, "workers", workers, workers=workers)
    for threads in (2, 4, 8):
        more = f"--access-logfile - --threads {threads}"
        yield one(ours, "threads", threads, GUNICORN_CMD_ARGS=more)
    for connections in (1, 100, 1000):
        yield one(ours, "connections", connections, connections=connections)
    for pooled in (False, True):
        for count in (1, 3, 10):
            with contextlib.ExitStack() as stack:
                yield several(ours, postgres, pooled, count, stack)
    for files in (10, 100, 1000, 10_000):
        overlay(ours, ours, files)
        yield one(ours, "static files", files)


def one(ours, what, size, workers=1, connections=8, **config_vars):
    """Return what one dyno does."""
    with Dyno(ours, workers, **config_vars) as dyno:
        row = {"what": what, "size": size, "first 200 (s)": dyno.first_200}
        for page in ("home", "css"):
            figures = dyno.wrk(page, 2, connections=connections)
            row[f"{page} (req/s)"] = figures["rate"]
            row[f"{page} p99 (ms)"] = figures["p99_ms"]
        return row | {"memory (MB)": dyno.memory()}


def several(ours, postgres, pooled, count, stack):
    """Return what `count` dynos do: requests a second, memory, connections."""
    prepare(ours, postgres)
    name, config_vars = ours.folder.name, {}
    if pooled:
        pooler = stack.enter_context(PgBouncer(postgres, tls="disable"))
        config_vars["DATABASE_CONNECTION_POOL_URL"] = pooler.url(name)
    dynos = [stack.enter_context(Dyno(ours, 1, **config_vars)) for _ in range(count)]
    servers = [f"  server d{n} 127.0.0.1:{d.port}" for n, d in enumerate(dynos)]
    router = parts.HAProxy(ROUTER, servers="\n".join(servers))
    first, own_port = dynos[0], dynos[0].port
    row = {"what": f"dynos, {'pooled' if pooled else 'direct'}", "size": count}
    row["first 200 (s)"] = first.first_200
    first.port = stack.enter_context(router).port
    for page in ("home", "css", "query"):
        figures = first.wrk(page, 3, connections=CONNECTIONS)
        row[f"{page} (req/s)"] = figures["rate"]
        row[f"{page} p99 (ms)"] = figures["p99_ms"]
    first.port = own_port
    asked = f"SELECT count(*) FROM pg_stat_activity WHERE datname = '{name}'"
    row["connections"] = int(postgres.psql(asked))
    row["memory (MB)"] = sum(dyno.memory() for dyno in dynos)
    return row
