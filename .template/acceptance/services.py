"""Stand-ins for what a site asks for over HTTP, on one loopback port."""

import json
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Services(BaseHTTPRequestHandler):
    """A language model, a mail provider and an error tracker."""

    protocol_version = "HTTP/1.1"

    def do_POST(self):  # noqa: N802
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.headers.get("Transfer-Encoding") == "chunked":
            while size := int(self.rfile.readline(), 16):
                body += self.rfile.read(size)
                self.rfile.readline()
        self.server.received.append((self.path, dict(self.headers), body))
        if self.path == "/v1/chat/completions":
            self.answer(json.loads(body)["messages"][0]["content"])
        else:
            sent = {"ErrorCode": 0, "MessageID": "1", "Message": "OK", "To": "a@b.c"}
            self.reply(200, "application/json", json.dumps(sent).encode())

    def reply(self, status, kind, content):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def answer(self, question):
        """Think for two seconds, then answer with three words, one a second."""
        if question == "fail":
            return self.reply(500, "application/json", b"{}")
        time.sleep(2)
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        for word in ("Forty", "-", "two"):
            choice = {"index": 0, "delta": {"content": word}}
            chunk = {"object": "chat.completion.chunk", "choices": [choice]}
            self.wfile.write(f"data: {json.dumps(chunk)}\n\n".encode())
            time.sleep(1)
        self.wfile.write(b"data: [DONE]\n\n")
        self.close_connection = True

    def log_message(self, *_):
        pass


@contextmanager
def serve():
    """Serve them all, and yield the server: its `url`, and what it has `received`."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Services)
    server.received = []
    server.url = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()
