"""Mail by a config var, and error mails to the admins."""

import logging

import pytest
from django.core import mail as django_mail

from dyno import mail, noise

SMTP = "django.core.mail.backends.smtp.EmailBackend"


def options(**environ):
    found = mail.mailer(environ, local=False)
    assert found["BACKEND"] == SMTP
    return found["OPTIONS"]


def test_an_smtp_url_means_starttls():
    found = options(EMAIL_URL="smtp://me%40example.com:p%23ss%2F@mail.example.com")
    assert found == {
        "host": "mail.example.com",
        "port": 587,
        "username": "me@example.com",
        "password": "p#ss/",
        "use_tls": True,
        "use_ssl": False,
        "timeout": 5,
    }


def test_an_smtps_url_means_tls_from_the_start():
    found = options(EMAIL_URL="smtps://mail.example.com:4650")
    assert (found["port"], found["use_ssl"], found["use_tls"]) == (4650, True, False)


@pytest.mark.parametrize(
    "url",
    [
        "http://mail.example.com",
        "smtp://",
        "smtp://user:secret/word@mail.example.com",
        "smtp://user:secret#word@mail.example.com",
        "smtp://user:secret@mail.example.com:port",
    ],
)
def test_a_url_that_makes_no_sense_does_not_stop_the_build_and_gives_nothing_away(url):
    found = mail.mailer({"EMAIL_URL": url}, local=False)
    assert found == {"BACKEND": "dyno.mail.UnsentMail"}
    with pytest.raises(ValueError) as caught:
        mail.options(url)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    "url, local, tls",
    [
        ("smtp://localhost:1025", True, False),
        ("smtp://mail.example.com", True, True),
        ("smtp://localhost:1025", False, True),
    ],
)
def test_only_in_development_and_to_this_machine_mail_needs_no_tls(url, local, tls):
    found = mail.mailer({"EMAIL_URL": url}, local=local)["OPTIONS"]
    assert found["use_tls"] is tls
    assert found["use_ssl"] is False


def test_in_development_mail_is_printed():
    assert mail.mailer({}, local=True)["BACKEND"].endswith("console.EmailBackend")


@pytest.fixture
def without_a_server(settings):
    settings.MAILERS = {"default": mail.mailer({}, local=False)}


def test_without_a_server_the_log_says_for_each_mail_what_to_do(
    without_a_server, caplog
):
    sent = django_mail.send_mail("Hello", "A secret", None, ["a@example.com"])
    assert not sent
    assert "Fix: EMAIL_URL=" in caplog.text
    assert "secret" not in caplog.text and "a@example.com" not in caplog.text


@pytest.fixture
def error_log(settings):
    """A logger that mails to the admins."""
    settings.ADMINS = ["admin@example.com"]
    logger = logging.Logger("error_log")
    handler = mail.AdminMail()
    handler.addFilter(noise.OnceAMinute())  # as in LOGGING
    logger.addHandler(handler)
    return logger


def test_the_admins_get_one_mail_a_minute(error_log, mailoutbox):
    for number in range(3):
        error_log.error("Error %s", number)
    assert [message.subject for message in mailoutbox] == ["[Django] ERROR: Error 0"]
    assert mailoutbox[0].to == ["admin@example.com"]


def test_a_mail_server_that_is_away_is_no_second_error(error_log, settings, caplog):
    settings.MAILERS = {
        "default": mail.mailer({"EMAIL_URL": "smtp://127.0.0.1:1"}, local=False)
    }
    error_log.error("The first error")
    [record] = caplog.records
    assert record.name == "dyno.mail"
    assert "Mail to the admins not sent" in caplog.text


def test_addresses_are_separated_by_commas():
    assert mail.addresses("") == []
    found = mail.addresses("Ann <a@example.com>, b@example.com")
    assert found == ["a@example.com", "b@example.com"]
