"""Mail goes over TLS to a server that proves its name, by the config vars alone."""

import asyncio
import base64
import ssl
import threading

import heroku
import pytest
from parts import certificate


class MailServer:
    """An SMTP server with a self-signed certificate, on STARTTLS or on TLS at once."""

    def __init__(self, folder, starttls):
        certificate(folder)
        self.certificate = folder / "server.crt"
        self.context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self.context.load_cert_chain(self.certificate, folder / "server.key")
        self.starttls = starttls
        self.logins, self.mails = [], []

    async def converse(self, reader, writer):
        """Speak RFC 5321 with one client, as far as it is needed here."""
        secure = not self.starttls

        async def say(text):
            writer.write(f"{text}\r\n".encode())
            await writer.drain()

        await say("220 ready")
        while line := (await reader.readline()).decode().strip():
            word, *words = line.split()
            match [word.upper(), *words]:
                case ["EHLO", _]:
                    await say("250-here")
                    await say("250 AUTH PLAIN" if secure else "250 STARTTLS")
                case ["STARTTLS"]:
                    await say("220 go ahead")
                    await writer.start_tls(self.context)
                    secure = True
                case ["AUTH", "PLAIN", login]:
                    assert secure
                    self.logins.append(base64.b64decode(login).decode().split("\0")[1:])
                    await say("235 welcome")
                case ["DATA"]:
                    await say("354 go ahead")
                    self.mails.append((await reader.readuntil(b"\r\n.\r\n")).decode())
                    await say("250 taken")
                case ["QUIT"]:
                    await say("221 bye")
                    break
                case _:
                    await say("250 ok")
        writer.close()

    async def serve(self):
        self.loop, self.ended = asyncio.get_running_loop(), asyncio.Event()
        context = None if self.starttls else self.context
        server = await asyncio.start_server(self.converse, "127.0.0.1", 0, ssl=context)
        self.port = server.sockets[0].getsockname()[1]
        self.started.set()
        async with server:
            await self.ended.wait()

    def __enter__(self):
        self.started = threading.Event()
        self.thread = threading.Thread(target=lambda: asyncio.run(self.serve()))
        self.thread.start()
        self.started.wait(10)
        return self

    def __exit__(self, *_):
        self.loop.call_soon_threadsafe(self.ended.set)
        self.thread.join()


@pytest.fixture(params=["smtp", "smtps"])
def scheme(request):
    return request.param


@pytest.fixture
def mail_server(tmp_path, scheme):
    with MailServer(tmp_path, starttls=scheme == "smtp") as server:
        yield server


def send(slug, secret_key, **config_vars):
    config_vars["DJANGO_SECRET_KEY"] = secret_key
    command = "python manage.py sendtestemail visitor@example.com"
    return heroku.run(slug, config_vars, command)


@pytest.fixture
def url(mail_server, scheme):
    return f"{scheme}://me%40example.com:p%2Fss@localhost:{mail_server.port}"


def test_a_mail_is_sent_over_tls(slug, secret_key, mail_server, url):
    trusted = {"SSL_CERT_FILE": str(mail_server.certificate)}
    send(slug, secret_key, EMAIL_URL=url, EMAIL_FROM="site@example.com", **trusted)
    assert mail_server.logins == [["me@example.com", "p/ss"]]
    [mail] = mail_server.mails
    assert "From: site@example.com" in mail and "To: visitor@example.com" in mail


def test_a_server_that_is_not_what_it_says_never_hears_the_password(
    slug, secret_key, mail_server, url
):
    with pytest.raises(heroku.Refused, match="certificate verify failed"):
        send(slug, secret_key, EMAIL_URL=url)
    assert not mail_server.logins and not mail_server.mails


def test_without_a_server_the_log_says_what_to_set(slug, secret_key):
    output = send(slug, secret_key)
    assert "not sent" in output and "EMAIL_URL" in output


def test_in_development_a_mail_to_this_machine_needs_no_tls(
    slug, secret_key, mail_server, scheme
):
    config_vars = {"EMAIL_URL": f"{scheme}://localhost:{mail_server.port}"}
    if scheme == "smtps":
        with pytest.raises(heroku.Refused, match="certificate verify failed"):
            send(slug, secret_key, **config_vars, DJANGO_LOCAL="1")
    else:
        send(slug, secret_key, **config_vars, DJANGO_LOCAL="1")
        assert len(mail_server.mails) == 1
        with pytest.raises(heroku.Refused, match="certificate verify failed"):
            send(slug, secret_key, **config_vars)
