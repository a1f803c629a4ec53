"""Mail goes over TLS to a server that proves its name, by the config vars alone."""

import heroku
import pytest
from mail_server import MailServer


@pytest.fixture(params=["smtp", "smtps"])
def scheme(request):
    return request.param


@pytest.fixture
def mail_server(tmp_path, scheme):
    with MailServer(tmp_path, starttls=scheme == "smtp") as server:
        yield server


def test_a_mail_is_sent_over_tls_and_only_to_a_server_that_is_trusted(
    pushed, mail_server, scheme
):
    url = f"{scheme}://me%40example.com:p%2Fss@localhost:{mail_server.port}"
    site = pushed.app(EMAIL_URL=url, EMAIL_FROM="site@example.com")
    command = "python manage.py sendtestemail visitor@example.com"
    with pytest.raises(heroku.Refused, match="certificate verify failed"):
        site.run(command)
    assert not mail_server.logins and not mail_server.mails

    site.run(command, SSL_CERT_FILE=str(mail_server.certificate))
    assert mail_server.logins == [["me@example.com", "p/ss"]]
    [mail] = mail_server.mails
    assert "From: site@example.com" in mail and "To: visitor@example.com" in mail
