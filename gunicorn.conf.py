"""
gunicorn's settings. Each is here because its default fails on Heroku or costs time.

https://gunicorn.org/reference/settings/
"""

import os
import socket

from dyno import environ, server
from dyno.server import LogfmtLogger as logger_class  # noqa: F401

wsgi_app = "mysite.wsgi"

# One socket for IPv4 and IPv6, since some platforms route by IPv6 only. In development
# the site listens on localhost only.
port = os.environ.get("PORT", "8000")
if os.environ.get("DJANGO_LOCAL") == "1":
    bind = f"127.0.0.1:{port}"
elif socket.has_dualstack_ipv6():
    bind = f"[::]:{port}"
else:
    bind = f"0.0.0.0:{port}"

# The buildpack sets WEB_CONCURRENCY by the dyno's memory: 2 on 512 MB. Do not
# count cores: a shared dyno reports eight.
workers = max(1, int(os.environ.get("WEB_CONCURRENCY", 1)))

# While some threads wait for another service, a query or a slow client, the others
# serve pages. They share the database connections of their worker.
worker_class = "gthread"
threads = environ.whole_number("WEB_THREADS", 40)

# The site is loaded before the workers are forked: they share its memory, and a site
# that cannot be loaded stops the dyno at once.
preload_app = True

# Workers are replaced after a while in case they leak memory, but not all at once. A
# single worker is never replaced, because nothing would be served meanwhile.
if workers > 1:
    max_requests = 100_000
    max_requests_jitter = 20_000

# Longer than the router keeps an idle connection (90 s), or it would send a request on
# one that is just being closed: H13, H18.
# https://devcenter.heroku.com/articles/http-routing#keepalives
keepalive = 95

# A dyno is killed 30 s after it is told to stop. Draining takes the first 3 of those
# seconds.
# https://devcenter.heroku.com/articles/dyno-shutdown-behavior
graceful_timeout = 20

# With sendfile, the access log would report 0 bytes for large files.
sendfile = False

# The router passes on request lines of up to 8 KB; the default limit is half of that.
limit_request_line = 8190

# gunicorn prefers its C parser if it is installed, but that accepted folded headers and
# bare line feeds, which help to smuggle requests.
http_parser = "python"

# The peers that are trusted to say whether a request came over HTTPS, and from where.
# On a dyno every peer is the router. On a socket for both protocols, 10.0.0.5 is
# ::ffff:10.0.0.5.
trusted = os.environ.get("FORWARDED_ALLOW_IPS", "127.0.0.1,::1").split(",")
if "DYNO" in os.environ and "FORWARDED_ALLOW_IPS" not in os.environ:
    trusted = ["*"]
for address in list(trusted):
    host, _, bits = address.strip().partition("/")
    if "." in host:
        trusted.append(f"::ffff:{host}/{96 + int(bits or 32)}")
forwarded_allow_ips = ",".join(trusted)
secure_scheme_headers = {"X-FORWARDED-PROTO": "https"}

# No client may rewrite SCRIPT_NAME or PATH_INFO, although every peer is trusted.
forwarder_headers = ""

# A second gunicorn would remove the first one's control socket, and nothing uses it.
control_socket_disable = True

# The workers' heartbeat files are in memory, since a disk can stall.
if os.path.isdir("/dev/shm"):
    worker_tmp_dir = "/dev/shm"

# The buildpack's GUNICORN_CMD_ARGS asks for an access log; logger_class writes it.
accesslog = "-"
loglevel = os.environ.get("DJANGO_LOG_LEVEL", "info").lower()

# What the master process does before it forks, and each worker before it serves.
when_ready = server.set_time_outs
pre_fork = server.prepare_fork
post_worker_init = server.prepare_worker
