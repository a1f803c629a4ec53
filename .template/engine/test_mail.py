"""Mail by a config var, and error mails to the admins."""

import logging

import pytest
from django.core import mail as django_mail

from dyno import mail, noise


@pytest.mark.parametrize(
    "url, local, port, tls, ssl",
    [
        ("smtp://mail.example.com", True, 587, True, False),
        ("smtps://mail.example.com", False, 465, False, True),
        ("smtp://localhost:1025?starttls=true", False, 1025, True, False),
        ("smtp://localhost:1025", True, 1025, False, False),
    ],
)
def test_only_in_development_and_to_this_machine_mail_needs_no_tls(
    url, local, port, tls, ssl
):
    options = mail.options(url, local=local)
    assert options["port"] == port and options["timeout"] == 5
    assert (options["use_tls"], options["use_ssl"]) == (tls, ssl)


@pytest.mark.parametrize(
    "url",
    [
        "http://mail.example.com",
        "smtp://",
        "smtp://user:1/word@mail.example.com",
        "smtp://user:1#word@mail.example.com",
        "smtp://user:1?word@mail.example.com",
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


def test_the_admins_get_one_mail_a_minute_and_a_lost_one_is_no_second_error(
    settings, mailoutbox, caplog
):
    settings.ADMINS = mail.addresses("Ann <a@example.com>, b@example.com")
    logger = logging.Logger("errors")
    handler = mail.AdminMail()
    handler.addFilter(noise.OnceAMinute())  # as in LOGGING
    logger.addHandler(handler)
    for number in range(3):
        logger.error("Error %s", number)
    assert [message.subject for message in mailoutbox] == ["[Django] ERROR: Error 0"]
    assert mailoutbox[0].to == ["a@example.com", "b@example.com"]

    away = mail.mailer({"EMAIL_URL": "smtp://127.0.0.1:1"}, local=False)
    settings.MAILERS = {"default": away}
    handler.filters.clear()
    logger.error("Another error")
    assert "Mail to the admins not sent" in caplog.text
