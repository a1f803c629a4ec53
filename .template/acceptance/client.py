"""A client of HTTP: the router to a dyno, or a visitor to the router."""

import http.client
import ssl
import time
import uuid
from http.cookies import SimpleCookie
from types import SimpleNamespace

HOST = "app.herokuapp.com"


class Client:
    """Sends requests one after another on one connection, and keeps cookies.

    To a dyno it sends what the router would add; with `certificate`, the file of the
    router's own, it is a visitor on HTTPS, and with `visitor` one on plain HTTP.
    """

    def __init__(self, port, certificate=None, visitor=False, host=HOST):
        self.port, self.host, self.cookies = port, host, SimpleCookie()
        self.visitor = visitor or certificate
        where = {"host": "127.0.0.1", "port": port, "timeout": 35}
        if certificate:
            context = ssl.create_default_context(cafile=certificate)
            self.connection = http.client.HTTPSConnection(**where, context=context)
        else:
            self.connection = http.client.HTTPConnection(**where)

    def request(self, method, path, body=None, **headers):
        """Send it and return status, headers, body, text; X_Name= is the header X-Name.

        A header whose value is None is left out.
        """
        sent = {"Host": self.host, "Accept-Encoding": "identity"}
        if not self.visitor:
            sent |= {
                "X-Forwarded-For": "203.0.113.7",
                "X-Forwarded-Proto": "https",
                "X-Forwarded-Port": "443",
                "X-Request-Id": str(uuid.uuid4()),
                "X-Request-Start": str(int(time.time() * 1000)),
                "Via": "1.1 vegur",
            }
        if self.cookies:
            pairs = (f"{name}={m.value}" for name, m in self.cookies.items())
            sent["Cookie"] = "; ".join(pairs)
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        sent = {name: value for name, value in sent.items() if value is not None}
        self.connection.request(method, path, body, sent)
        answer = self.connection.getresponse()
        content = answer.read()
        for cookie in answer.headers.get_all("Set-Cookie", []):
            self.cookies.load(cookie)
        text = content.decode(errors="replace")
        status, headers = answer.status, answer.headers
        return SimpleNamespace(status=status, headers=headers, body=content, text=text)

    def get(self, path, **headers):
        return self.request("GET", path, **headers)

    def post(self, path, form, **headers):
        """Send a form, given as its encoded text."""
        headers = {"Content_Type": "application/x-www-form-urlencoded"} | headers
        return self.request("POST", path, form, **headers)

    def __del__(self):
        self.connection.close()
