"""The server's limit: the same bytes from a WSGI function that does nothing else."""

import os
from pathlib import Path

FILES = Path(__file__).parent / "static" / "bench"
BODIES = {
    "/up": b"up\n",
    os.environ["BENCH_CSS"]: (FILES / "site.css").read_bytes(),
    os.environ["BENCH_IMAGE"]: (FILES / "image.png").read_bytes(),
}


def application(environ, start_response):
    """Answer with the bytes at this path."""
    body = BODIES[environ["PATH_INFO"]]
    start_response("200 OK", [("Content-Length", str(len(body)))])
    return [body]
