"""How those who guess passwords are slowed down."""

from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest
from django.contrib.auth import authenticate
from django.core.cache import cache
from django.core.management import call_command
from django.db import connection
from django.test import RequestFactory, override_settings

from mysite import login
from mysite.login import ATTEMPTS, claim, client_address

LOCAL_MEMORY = {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}
DATABASE = {
    "BACKEND": "django.core.cache.backends.db.DatabaseCache",
    "LOCATION": "cache",
}
REDIS_AWAY = {
    "BACKEND": "mysite.cache.FailOpenRedisCache",
    "LOCATION": "redis://127.0.0.1:1",
}


@pytest.fixture(params=[LOCAL_MEMORY, DATABASE], ids=["local memory", "database"])
def caches(request, db):
    """Each cache that remembers."""
    with override_settings(CACHES={"default": request.param}):
        call_command("createcachetable")
        cache.clear()
        yield
        cache.clear()


@pytest.fixture(autouse=True)
def quick_hashes(settings):
    """Tests need not wait for what a password check costs."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture(autouse=True)
def one_span(monkeypatch):
    """The clock stands still: attempts are counted anew at each fifth minute."""
    monkeypatch.setattr(login, "time", SimpleNamespace(time=lambda: 0))


@pytest.fixture
def log_in(client, admin_user):
    """Try to log in to the admin, and return whether it was let in."""

    def attempt(password, address="192.0.2.1"):
        form = {"username": "admin", "password": password}
        answer = client.post("/admin/login/", form, REMOTE_ADDR=address)
        client.logout()
        return answer.status_code == 302

    return attempt


def test_after_ten_wrong_passwords_the_right_one_is_not_looked_at(caches, log_in):
    for _ in range(ATTEMPTS):
        assert not log_in("wrong")
    assert not log_in("password")
    assert log_in("password", address="192.0.2.2")


def test_after_nine_wrong_passwords_the_right_one_is_let_in_again_and_again(
    caches, log_in
):
    for _ in range(ATTEMPTS - 1):
        assert not log_in("wrong")
    for _ in range(ATTEMPTS + 1):
        assert log_in("password")


def test_the_owner_reads_in_the_log_who_was_refused(
    caches, log_in, caplog, monkeypatch
):
    monkeypatch.setattr(login.logger.filters[0], "quiet_until", 0)
    for _ in range(ATTEMPTS + 3):
        log_in("wrong")
    refused = [r for r in caplog.records if r.name == "mysite.login"]
    assert [record.getMessage() for record in refused] == [
        "Log-in from 192.0.2.1 refused: 10 wrong passwords within 5 minutes"
    ]


def test_with_redis_away_nobody_is_refused(log_in):
    with override_settings(CACHES={"default": REDIS_AWAY}):
        for _ in range(ATTEMPTS + 1):
            assert not log_in("wrong")
        assert log_in("password")


def at_once(number):
    """Claim so many attempts at the same time; return how many were granted."""

    def try_it(_):
        try:
            return claim("192.0.2.1")
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as threads:
        return sum(key is not None for key in threads.map(try_it, range(number)))


def test_those_who_come_at_once_are_counted_one_by_one():
    with override_settings(CACHES={"default": LOCAL_MEMORY}):
        cache.clear()
        assert at_once(50) == ATTEMPTS


@pytest.mark.django_db(transaction=True)
def test_those_who_come_at_once_are_counted_one_by_one_by_postgresql():
    if connection.vendor != "postgresql":
        pytest.skip("SQLite lets nobody in at once")
    with override_settings(CACHES={"default": DATABASE}):
        call_command("createcachetable")
        cache.clear()
        assert at_once(50) == ATTEMPTS


def request_from(address, forwarded=None, secure=True):
    headers = {"x-forwarded-for": forwarded} if forwarded else {}
    return RequestFactory().post(
        "/", REMOTE_ADDR=address, headers=headers, secure=secure
    )


@pytest.mark.parametrize(
    "request_, address",
    [
        (request_from("10.0.0.1", "198.51.100.1, 192.0.2.1"), "192.0.2.1"),
        (request_from("10.0.0.1", "198.51.100.1", secure=False), "10.0.0.1"),
        (request_from("10.0.0.1"), "10.0.0.1"),
        (request_from("::ffff:10.0.0.1"), "10.0.0.1"),
        (request_from("10.0.0.1", "2001:db8::1:2:3:4"), "2001:db8::/64"),
        (request_from("10.0.0.1", "unknown"), "unknown"),
    ],
)
def test_the_routers_word_is_taken_and_no_client_s(request_, address):
    assert client_address(request_) == address


def test_what_is_no_password_is_not_counted(db):
    for _ in range(ATTEMPTS + 1):
        assert authenticate(request_from("192.0.2.9"), token="x") is None
    assert claim("192.0.2.9").endswith("-0")
