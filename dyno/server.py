"""What gunicorn.conf.py hands to gunicorn: the log, and hooks for its workers."""

import gc
import logging
import signal
import socket
import struct
import sys
import threading
from contextlib import suppress
from typing import Any

from gunicorn.glogging import Logger

from dyno import logs, pools, proxies

access_log = logging.getLogger("access")

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


class LogfmtLogger(Logger):
    """gunicorn's own events and its access log, written like the rest of the log."""

    def setup(self, cfg: Any) -> None:
        super().setup(cfg)
        # Until Django sets up its logging, in which root gets the handler of LOGGING.
        handler = logging.StreamHandler(sys.stdout)
        handler.setFormatter(logs.LogfmtFormatter())
        logging.basicConfig(handlers=[handler], level=self.loglevel)
        self.error_log.handlers = []
        self.error_log.propagate = True
        logging.captureWarnings(True)

    def warning(self, msg: str, *args: Any, **kwargs: Any) -> None:
        """Log a warning, but nothing that a client sent in a refused request."""
        if msg.startswith("Invalid request from ip="):
            msg = f"{msg.partition(': ')[0]}: {type(sys.exception()).__name__}"
        super().warning(msg, *args, **kwargs)

    def exception(self, msg: str, *args: Any, **kwargs: Any) -> None:
        """Log the exception that is being handled, unless a client fell silent."""
        if isinstance(sys.exception(), (BlockingIOError, TimeoutError)):
            self.info("Closed a connection: its client was silent for too long")
        else:
            super().exception(str(msg).partition(" %s")[0], **kwargs)  # and no query

    def access(self, resp: Any, req: Any, environ: Any, request_time: Any) -> None:
        """Write one line for a request, without its query, which may hold secrets.

        gunicorn's own way builds a dictionary of every header for each line.
        """
        # If gunicorn itself refused the request, `environ` holds hardly anything. From
        # the asgi worker the status is a number, and only a header has the id.
        get = environ.get
        request_id = get("dyno.request_id", get("HTTP_X_REQUEST_ID", "-"))
        milliseconds = request_time.seconds * 1_000 + request_time.microseconds // 1_000
        logs.request_id.set("-")  # for what its thread logs next
        status = str(resp.status or "-")[:3]
        path = (req.path or "-").partition("?")[0]
        level = logging.INFO
        if status >= "5":
            level = logging.ERROR
        elif status < "4" and (path in SILENT_PATHS or "dyno.static_file" in environ):
            level = logging.DEBUG
        if not access_log.isEnabledFor(level):
            return
        fields = {
            "method": req.method,
            "path": path,
            "host": get("HTTP_HOST", "-"),
            "fwd": get("dyno.forwarded_for", "-"),
            "status": status,
            "service": f"{milliseconds}ms",
            "bytes": resp.sent,
            "user_agent": get("HTTP_USER_AGENT", "-"),
        }
        extra = {"fields": fields, "request_id": request_id}
        access_log.log(level, "%s %s", req.method, path, extra=extra)


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


def drain_on_sigterm(worker: Any) -> None:
    """Go on accepting requests for DRAIN_SECONDS after SIGTERM, then stop.

    New dynos start when the old ones are told to stop. Until the router knows, the
    kernel would accept connections here that nobody serves, and reset them.
    """
    loop = getattr(worker, "loop", None)
    if loop:  # gunicorn's asgi worker
        stop = worker.handle_exit_signal
        loop.add_signal_handler(signal.SIGTERM, loop.call_later, DRAIN_SECONDS, stop)
        return
    stop = signal.getsignal(signal.SIGTERM)

    def wait_then_stop(*arguments: Any) -> None:
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


def prepare_worker(worker: Any) -> None:
    """Set up a worker process before it serves; for gunicorn's post_worker_init."""
    drain_on_sigterm(worker)
    pools.use_pools()
    proxies.trust(worker.cfg.forwarded_allow_ips)
    if worker.age == 1:
        worker.log.info(pools.capacity(worker.cfg.workers, worker.cfg.threads))
