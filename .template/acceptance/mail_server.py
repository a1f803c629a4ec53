"""A mail server with TLS, as far as the tests need one."""

import asyncio
import base64
import ssl
import threading

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
