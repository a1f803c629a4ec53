"""HTTP byte by byte: requests as the router or a broken client sends them to a dyno."""

import contextlib
import re
import socket

from client import HOST

FORM = "application/x-www-form-urlencoded"
TOKEN = "a" * 32  # a CSRF cookie and a form agree on it, whoever made it
COOKIE = f"Cookie: __Host-csrftoken={TOKEN}"
REFERER = f"Referer: https://{HOST}/admin/login/"
POST = "POST /admin/login/ HTTP/1.1"


def request(line, *headers, host=HOST, scheme="https", body=""):
    """Return the bytes of a request as the router would pass it on."""
    lines = [line, host and f"Host: {host}", scheme and f"X-Forwarded-Proto: {scheme}"]
    lines = [*filter(None, lines), *headers]
    return ("\r\n".join(lines) + f"\r\n\r\n{body}").encode("latin-1")


NEXT = request("GET /up HTTP/1.1", "Connection: close")


def talk(dyno, sent, seconds=15):
    """Send bytes, and return those of the answer up to its end."""
    with socket.create_connection(("127.0.0.1", dyno.port), seconds) as client:
        answer = b""
        # Both may break after an answer to what was not read to its end.
        with contextlib.suppress(ConnectionError):
            client.sendall(sent)
        with contextlib.suppress(ConnectionError):
            while piece := client.recv(65536):
                answer += piece
        return answer


def is_ours(answer):
    """Assert that an answer is a page of the site, with all its headers."""
    for part in (
        b"\r\nContent-Security-Policy: default-src 'none';",
        b"\r\nStrict-Transport-Security: max-age=",
        b"\r\nX-Content-Type-Options: nosniff\r\n",
        b'"/static/site.',
    ):
        assert part in answer


def statuses(dyno, sent):
    """Return the statuses of all the answers to a request and to one that follows."""
    answers = re.findall(rb"HTTP/1\.[01] (\d+) ", talk(dyno, sent + NEXT))
    return [int(status) for status in answers]
