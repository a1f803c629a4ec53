"""What gunicorn is given: a log in logfmt, and a worker that drains."""

import logging
import os
import sys
import threading

from gunicorn.glogging import Logger
from gunicorn.workers.gthread import ThreadWorker

from mysite.logs import LogfmtFormatter, quote

# Health checks would be most of a small site's log.
SILENT_PATHS = {"/up", "/ready"}

# Between SIGTERM and the last accepted connection, in seconds. The router goes on
# sending requests for a moment after the dyno was told to stop.
LAME_DUCK_SECONDS = 3


class LogfmtLogger(Logger):
    """gunicorn's own events and its access log, as the rest of the log is written."""

    def setup(self, cfg):
        super().setup(cfg)
        handler = logging.StreamHandler(sys.stdout)
        handler.setFormatter(LogfmtFormatter())
        self.error_log.handlers = [handler]
        self.access_lines = self.loglevel <= logging.INFO

    def access(self, resp, req, environ, request_time):
        """Write one line for a request.

        Straight to the file descriptor: gunicorn's own way builds a dictionary of
        every header for each line, which costs nine times as much.
        """
        status = resp.status_code
        path = environ.get("RAW_PATH") or environ["PATH_INFO"]
        if not self.access_lines or (status == 200 and path in SILENT_PATHS):
            return
        get = environ.get
        milliseconds = request_time.total_seconds() * 1000
        line = (
            f"at=info method={req.method} path={quote(path[:2000])}"
            f" host={quote(get('HTTP_HOST', '-'))} request_id={get('REQUEST_ID', '-')}"
            f" fwd={quote(get('HTTP_X_FORWARDED_FOR', '-'))} status={status}"
            f" service={milliseconds:.0f}ms bytes={resp.sent}"
            f" user_agent={quote(get('HTTP_USER_AGENT', '-')[:500])}\n"
        )
        os.write(1, line.encode(errors="replace"))


class DrainingWorker(ThreadWorker):
    """A thread worker that goes on accepting for a moment after SIGTERM.

    New dynos start as the old are told to stop, and until the router has learnt of it
    the kernel would accept connections here that nobody serves, then reset them.
    """

    def handle_exit(self, sig, frame):
        if not getattr(self, "stopping", False):
            self.stopping = True
            stop = super().handle_exit
            threading.Timer(LAME_DUCK_SECONDS, stop, (sig, frame)).start()
