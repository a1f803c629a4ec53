"""Several dynos behind a router on this machine, with and without a pooler."""

import contextlib

from contenders import parts, prepare
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
    """Yield a row for 1, 3 and 10 dynos of one worker each, then the same pooled."""
    for pooled in (False, True):
        for count in (1, 3, 10):
            with contextlib.ExitStack() as stack:
                yield measure(ours, postgres, pooled, count, stack)


def measure(ours, postgres, pooled, count, stack):
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
