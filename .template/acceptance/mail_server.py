"""A mail server with TLS."""

import ssl

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult
from parts import certificate, free_port


class MailServer:
    """An SMTP server with a self-signed certificate, on STARTTLS or on TLS at once."""

    def __init__(self, folder, starttls):
        certificate(folder)
        self.certificate = folder / "server.crt"
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(self.certificate, folder / "server.key")
        self.port = free_port()
        self.logins = []
        self.mails = []
        tls = {"tls_context": context} if starttls else {"ssl_context": context}
        self.controller = Controller(
            self,
            "127.0.0.1",
            self.port,
            authenticator=self.authenticate,
            auth_require_tls=starttls,
            **tls,
        )

    def authenticate(self, server, session, envelope, mechanism, login):
        """Note who logs in, and let everybody in."""
        self.logins.append([login.login.decode(), login.password.decode()])
        return AuthResult(success=True)

    async def handle_DATA(self, server, session, envelope):  # noqa: N802
        """Keep a mail."""
        self.mails.append(envelope.content.decode())
        return "250 taken"

    def __enter__(self):
        self.controller.start()
        return self

    def __exit__(self, *_):
        self.controller.stop()
