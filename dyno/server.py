"""What gunicorn.conf.py hands to gunicorn: the log, and hooks for its workers."""

import errno
import gc
import logging
import os
import resource
import signal
import socket
import struct
import sys
import threading
from contextlib import suppress
from typing import Any

from django.db import connections
from gunicorn.glogging import Logger

from dyno import database, logs, pools, proxies
from dyno.logs import quote

logger = logging.getLogger(__name__)

# Health checks would be most of a small site's log.
SILENT_PATHS = {"/up", "/ready"}

# Seconds from SIGTERM to the last accepted connection. The router goes on sending
# requests for a moment after the dyno was told to stop.
DRAIN_SECONDS = 3

# Seconds that a thread waits for the next bytes from a client, and for a client to
# acknowledge bytes that were sent. gunicorn waits for ever, so that one client with
# three unsent bodies a second would take every thread within half a minute.
RECEIVE_SECONDS = 10
SEND_SECONDS = 20

UNAPPLIED = (
    "deploy.E033: The database %s lacks a migration: %s. "
    "Fix: heroku run python manage.py release  (docs/errors.md#e033)"
)


class LogfmtLogger(Logger):
    """gunicorn's own events and its access log, written like the rest of the log."""

    def setup(self, cfg: Any) -> None:
        super().setup(cfg)
        handler = logging.StreamHandler(sys.stdout)
        handler.setFormatter(logs.LogfmtFormatter())
        self.error_log.handlers = [handler]
        # For what happens before Django sets up its logging, or instead of that.
        logging.basicConfig(handlers=[handler])
        logging.captureWarnings(True)
        sys.excepthook = log_uncaught

    def warning(self, msg: str, *args: Any, **kwargs: Any) -> None:
        """Log a warning, but nothing that a client sent in a refused request."""
        if msg.startswith("Invalid request from ip="):
            msg = f"{msg.partition(': ')[0]}: {type(sys.exception()).__name__}"
        super().warning(msg, *args, **kwargs)

    def exception(self, msg: str, *args: Any, **kwargs: Any) -> None:
        """Log the exception that is being handled, unless a client fell silent."""
        silent = getattr(sys.exception(), "errno", 0) in (errno.EAGAIN, errno.ETIMEDOUT)
        if silent and str(msg).startswith("Socket error"):
            self.info("Closed a connection: its client was silent for too long")
        else:
            super().exception(str(msg).partition(" %s")[0], **kwargs)  # and no query

    def access(self, resp: Any, req: Any, environ: Any, request_time: Any) -> None:
        """Write one line for a request, without its query, which may hold secrets.

        It goes straight to the file descriptor: gunicorn's own way builds a dictionary
        of every header for each line, which takes nine times as long.
        """
        # If gunicorn itself refused the request, `environ` holds hardly anything.
        get, status = environ.get, (resp.status or "-")[:3]
        path = (req.path or "-").partition("?")[0]
        quiet = path in SILENT_PATHS or "dyno.static_file" in environ
        if self.loglevel > (logging.DEBUG if quiet and status < "4" else logging.INFO):
            return
        line = (
            f"{logs.timestamp()}level={'error' if status >= '5' else 'info'}"
            f" logger=access request_id={get('dyno.request_id', '-')}"
            f" method={quote(req.method)} path={quote(path)}"
            f" host={quote(get('HTTP_HOST', '-'), 500)}"
            f" fwd={quote(get('HTTP_X_FORWARDED_FOR', '-'), 1_000)} status={status}"
            f" service={request_time.total_seconds() * 1000:.0f}ms bytes={resp.sent}"
            f" user_agent={quote(get('HTTP_USER_AGENT', '-'), 1_000)}\n"
        )
        with suppress(OSError):  # or gunicorn would not close the response
            os.write(1, line.encode(errors="replace"))


def log_uncaught(kind: type, error: BaseException, traceback: Any) -> None:
    """Log what ends the process as one event, where Python would print many lines."""
    exc_info = (kind, error, traceback)
    logging.getLogger("uncaught").critical("%s", error, exc_info=exc_info)


def set_time_outs(server: Any) -> None:
    """Set time-outs on the listening sockets, which the accepted ones inherit.

    For gunicorn's when_ready. A time-out set on a request's own socket is undone at the
    next request and would cut off slow downloads.
    """
    for listener in server.LISTENERS:
        seconds = struct.pack("ll", RECEIVE_SECONDS, 0)
        listener.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, seconds)
        with suppress(AttributeError, OSError):  # neither Linux nor TCP
            option = socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT
            listener.sock.setsockopt(*option, 1_000 * SEND_SECONDS)


def drain_on_sigterm() -> None:
    """Go on accepting requests for DRAIN_SECONDS after SIGTERM, then stop.

    New dynos start when the old ones are told to stop. Until the router knows, the
    kernel would accept connections here that nobody serves, and reset them.
    """
    stop = signal.getsignal(signal.SIGTERM)

    def wait_then_stop(*arguments: Any) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # Heroku may send it twice
        timer = threading.Timer(DRAIN_SECONDS, stop, arguments)
        timer.daemon = True  # SIGQUIT ends the process at once
        timer.start()

    signal.signal(signal.SIGTERM, wait_then_stop)


def prepare_fork(server: Any, worker: Any) -> None:
    """Leave nothing to a new worker that it must not share; for gunicorn's pre_fork.

    The garbage collector writes to the objects that it visits, and a worker that writes
    to a shared page of memory gets a copy of it: 14 MB of 91 with one worker.
    """
    if server.cfg.preload_app:
        pools.disconnect()
    gc.freeze()


def log_capacity(worker: Any) -> None:
    """Log what a dyno uses of the databases' connections and of the memory."""
    workers = worker.cfg.workers
    threads = worker.cfg.threads
    each = pools.most_connections(threads)
    unit = 1024**2 if sys.platform == "darwin" else 1024  # bytes there, KiB elsewhere
    megabytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // unit
    capacity = (
        f"{threads} threads a worker; "
        f"{megabytes} MB before the first request, shared by the workers"
    )
    if each:
        capacity = (
            f"{workers} workers x {each} = {workers * each} database connections at "
            f"most (DATABASE_POOL_SIZE for each database), {2 * workers * each} while "
            f"a release replaces another; {capacity}"
        )
    worker.log.info(capacity)


def log_unapplied_migrations() -> None:
    """Log which databases lack a migration, from a thread with its own connections.

    Before the fork none may be opened, and after it none should hold up the first
    request.
    """
    try:
        for alias in filter(database.attached, database.aliases()):
            names = database.unapplied(alias)
            if names:
                logger.error(UNAPPLIED, alias, names[0])
    except Exception as error:
        logger.error("Cannot tell whether migrations are missing: %s", error)
    finally:
        connections.close_all()


def prepare_worker(worker: Any) -> None:
    """Set up a worker process before it serves; for gunicorn's post_worker_init."""
    drain_on_sigterm()
    pools.use_pools()
    proxies.trust(worker.cfg.forwarded_allow_ips)
    if worker.age == 1:
        log_capacity(worker)
        look = threading.Thread(target=log_unapplied_migrations, daemon=True)
        look.start()
