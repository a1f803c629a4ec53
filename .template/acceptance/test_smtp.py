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
