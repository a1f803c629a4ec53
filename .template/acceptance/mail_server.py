"""A mail server with TLS."""

import ssl

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult
from parts import certificate, free_port


class MailServer(Controller):
    """An SMTP server with a self-signed certificate, on STARTTLS or on TLS at once."""

    def __init__(self, folder, starttls):
        self.logins, self.mails = [], []
        certificate(folder)
        self.certificate = folder / "server.crt"
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(folder / "server.pem")
        tls = {"tls_context": context} if starttls else {"ssl_context": context}
        login = {"authenticator": self.authenticate, "auth_require_tls": starttls}
        super().__init__(self, "127.0.0.1", free_port(), **tls, **login)
        self.config_vars = {
            "EMAIL_URL": f"smtp://user:password@localhost:{self.port}",
            "EMAIL_FROM": "site@example.com",
            "SSL_CERT_FILE": str(self.certificate),
        }

    def authenticate(self, server, session, envelope, mechanism, login):
        """Note who logs in, and let everybody in."""
        self.logins.append([login.login.decode(), login.password.decode()])
        return AuthResult(success=True)

    async def handle_DATA(self, server, session, envelope):  # noqa: N802
        """Keep a mail."""
        self.mails.append(envelope.content.decode())
        return "250 taken"

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.stop()
