"""Mail by a config var, and error mails to the admins."""

import logging

import pytest
from django.core import mail as django_mail

from dyno import mail, noise

SMTP = {
    "host": "mail.example.com",
    "port": 587,
    "username": "",
    "password": "",
    "use_tls": True,
    "use_ssl": False,
    "timeout": 5,
}
TLS = {"port": 465, "use_tls": False, "use_ssl": True}
MAILPIT = {"host": "localhost", "port": 1025}


@pytest.mark.parametrize(
    "url, local, options",
    [
        (
            "smtp://me%40example.com:p%23ss%2F@mail.example.com",
            False,
            {"username": "me@example.com", "password": "p#ss/"},
        ),
        ("smtps://mail.example.com", False, TLS),
        ("smtp://mail.example.com", True, {}),
        ("smtp://localhost:1025", False, MAILPIT),
        ("smtp://localhost:1025", True, MAILPIT | {"use_tls": False}),
    ],
)
def test_only_in_development_and_to_this_machine_mail_needs_no_tls(url, local, options):
    found = mail.mailer({"EMAIL_URL": url}, local=local)
    assert found["BACKEND"] == "django.core.mail.backends.smtp.EmailBackend"
    assert found["OPTIONS"] == SMTP | options


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
def test_a_url_that_makes_no_sense_does_not_stop_the_build(url):
    found = mail.mailer({"EMAIL_URL": url}, local=False)
    assert found == {"BACKEND": "dyno.mail.UnsentMail"}


def test_without_a_server_the_log_says_for_each_mail_what_to_do(settings, caplog):
    settings.MAILERS = {"default": mail.mailer({}, local=False)}
    for _ in range(2):
        assert not django_mail.send_mail("Hello", "A secret", None, ["a@example.com"])
    assert caplog.text.count("Fix: EMAIL_URL=") == 2
    assert "secret" not in caplog.text and "a@example.com" not in caplog.text


@pytest.fixture
def error_log(settings):
    """A logger that mails to the admins."""
    settings.ADMINS = mail.addresses("Ann <a@example.com>, b@example.com")
    logger = logging.Logger("error_log")
    handler = mail.AdminMail()
    handler.addFilter(noise.OnceAMinute())  # as in LOGGING
    logger.addHandler(handler)
    return logger


def test_the_admins_get_one_mail_a_minute(error_log, mailoutbox):
    for number in range(3):
        error_log.error("Error %s", number)
    assert [message.subject for message in mailoutbox] == ["[Django] ERROR: Error 0"]
    assert mailoutbox[0].to == ["a@example.com", "b@example.com"]


def test_a_mail_server_that_is_away_is_no_second_error(error_log, settings, caplog):
    away = mail.mailer({"EMAIL_URL": "smtp://127.0.0.1:1"}, local=False)
    settings.MAILERS = {"default": away}
    error_log.error("The first error")
    assert "Mail to the admins not sent" in caplog.text
