"""What gunicorn is given: a log in logfmt, and a worker that drains."""

import contextlib
import errno
import functools
import logging
import os
import queue
import socket
import struct
import sys
import threading
import time
from types import SimpleNamespace

from gunicorn.glogging import Logger
from gunicorn.http.body import ChunkedReader
from gunicorn.util import close_graceful
from gunicorn.workers.gthread import ThreadWorker

from mysite import logs
from mysite.logs import quote

# Health checks would be most of a small site's log.
SILENT_PATHS = {"/up", "/ready"}

# Between SIGTERM and the last accepted connection, in seconds. The router goes on
# sending requests for a moment after the dyno was told to stop.
LAME_DUCK_SECONDS = 3

# How long a thread waits for the next bytes of a request, or for a client to take those
# of a response. gunicorn's default is for ever, and there are few threads.
SILENCE_SECONDS = 20
SILENCE = struct.pack("ll", SILENCE_SECONDS, 0)

# How long a connection that ends is kept for its client to read the last answer.
LINGER_SECONDS = 0.25


# After so long without an answer from its threads, in seconds, a worker leaves new
# connections to the others: views may hang in this one.
STUCK_SECONDS = 0.1


class LogfmtLogger(Logger):
    """gunicorn's own events and its access log, as the rest of the log is written."""

    def setup(self, cfg):
        super().setup(cfg)
        handler = logging.StreamHandler(sys.stdout)
        handler.setFormatter(logs.LogfmtFormatter())
        self.error_log.handlers = [handler]
        self.access_lines = self.loglevel <= logging.INFO
        # For what happens before Django sets up its logging, or instead of that.
        logging.basicConfig(handlers=[handler])
        logging.captureWarnings(True)
        sys.excepthook = log_uncaught

    def exception(self, msg, *args, **kwargs):
        """Log the exception that is being handled, unless it was a client's silence."""
        if getattr(sys.exception(), "errno", None) in (errno.EAGAIN, errno.ETIMEDOUT):
            self.info("Closed a connection: its client was silent too long")
        else:
            super().exception(msg, *args, **kwargs)

    def access(self, resp, req, environ, request_time):
        """Write one line for a request, without its query, which may hold secrets.

        Straight to the file descriptor: gunicorn's own way builds a dictionary of
        every header for each line, which costs nine times as much.
        """
        # After a request that gunicorn refused itself, `environ` has hardly anything.
        status = (resp.status or "-")[:3]
        path = req.path or "-"
        if not self.access_lines or (status == "200" and path in SILENT_PATHS):
            return
        get = environ.get
        milliseconds = request_time.total_seconds() * 1000
        line = (
            f"at=info method={req.method} path={quote(path[:2000])}"
            f" host={quote(get('HTTP_HOST', '-')[:255])}"
            f" request_id={get('REQUEST_ID', '-')}"
            f" fwd={quote(get('HTTP_X_FORWARDED_FOR', '-')[:500])} status={status}"
            f" service={milliseconds:.0f}ms bytes={resp.sent}"
            f" user_agent={quote(get('HTTP_USER_AGENT', '-')[:500])}\n"
        )
        os.write(1, line.encode(errors="replace"))


def log_uncaught(kind, error, traceback):
    """Log what ends the process in one event, where Python would print many lines."""
    exc_info = (kind, error, traceback)
    logging.getLogger("uncaught").critical("%s", error, exc_info=exc_info)


def hang_up(sock, graceful=True):
    """Close a connection, after a moment for its client to close it first.

    gunicorn gives two seconds to each client, in the one thread that accepts them all.
    """
    close_graceful(sock, LINGER_SECONDS)


class Threads:
    """The threads that answer requests.

    concurrent.futures, which gunicorn takes for it, makes a future with a lock and a
    condition for each request: a fifteenth of the time that a static file takes.
    """

    def __init__(self, number, answer):
        self.answer, self.waiting = answer, queue.SimpleQueue()
        work = functools.partial(threading.Thread, target=self.work, daemon=True)
        self.threads = [work() for _ in range(number)]
        for thread in self.threads:
            thread.start()

    def work(self):
        while conn := self.waiting.get():
            self.answer(conn)

    def shutdown(self, wait):
        """Let each thread end once it has nothing to do."""
        for _ in self.threads:
            self.waiting.put(None)


class DrainingWorker(ThreadWorker):
    """A thread worker that goes on accepting for a moment after SIGTERM.

    New dynos start as the old are told to stop, and until the router has learnt of it
    the kernel would accept connections here that nobody serves, then reset them.
    """

    stopping = False
    # Requests in a thread or waiting for one, and when a thread last took or ended one.
    answering, moved = 0, 0.0

    def init_process(self):
        # gunicorn asks for forty of its settings in each request, and each time its
        # __getattr__ looks one up: an eleventh of the time that a static file takes.
        settings = self.cfg.settings.items()
        vars(self.cfg).update({name: setting.get() for name, setting in settings})
        super().init_process()

    def get_thread_pool(self):
        return Threads(self.cfg.threads, self.answer)

    def stuck(self):
        """Say whether no thread is free, and all have been at the same for a while."""
        if self.answering < self.cfg.threads or self.stopping:
            return False
        return time.monotonic() > self.moved + STUCK_SECONDS

    def set_accept_enabled(self, enabled):
        super().set_accept_enabled(enabled and not self.stuck())

    def accept(self, listener):
        """Accept a connection, or leave it to the other workers."""
        if self.stuck():
            self.set_accept_enabled(False)
        else:
            super().accept(listener)

    def run(self):
        # Threads write to it until the process ends: its number must not be reused.
        self.method_queue.close = lambda: None
        super().run()
        # A worker that is replaced need not cut off what takes longer to answer.
        for thread in self.tpool.threads:
            thread.join()

    def enqueue_req(self, conn):
        self.answering += 1
        if self.answering <= self.cfg.threads:
            self.moved = time.monotonic()
        self.tpool.waiting.put(conn)

    def finish_request(self, conn, outcome):
        self.answering -= 1
        self.moved = time.monotonic()
        super().finish_request(conn, outcome)

    def answer(self, conn):
        """Answer one request in a thread, and tell gunicorn's main thread of it."""
        goes_on = False
        try:
            goes_on = self.handle(conn)
        except BaseException:  # say, of a log that cannot be written
            self.log.exception("A connection failed")
        outcome = SimpleNamespace(cancelled=lambda: False, result=lambda: goes_on)
        self.method_queue.defer(self.finish_request, conn, outcome)

    def handle_exit(self, sig, frame):
        if not self.stopping:
            self.stopping = True
            stop = super().handle_exit
            timer = threading.Timer(LAME_DUCK_SECONDS, stop, (sig, frame))
            timer.daemon = True  # SIGQUIT ends it too
            timer.start()

    def handle(self, conn):
        """Answer one request of a connection; gunicorn calls this in a thread."""
        # The thread keeps the id of the request before, and gunicorn refuses some
        # before wsgi.py sets theirs.
        logs.request_id.set("-")
        if not conn.initialized:
            conn.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, SILENCE)
            with contextlib.suppress(AttributeError, OSError):  # Linux's, TCP's alone
                unread = socket.TCP_USER_TIMEOUT
                conn.sock.setsockopt(socket.IPPROTO_TCP, unread, 1000 * SILENCE_SECONDS)
        goes_on = super().handle(conn)
        if goes_on is False:
            conn.close = functools.partial(hang_up, conn.sock)
        return goes_on

    def handle_request(self, req, conn):
        """Answer one request that could be read."""
        if isinstance(req.body.reader, ChunkedReader):
            # It is answered by 411 without a look at its body, so nobody knows whether
            # what follows is another request.
            req.force_close()
        return super().handle_request(req, conn)
