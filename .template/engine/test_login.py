"""Those who guess passwords are slowed down, and nobody else is kept out."""

import socket
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth import aauthenticate, authenticate, get_user_model
from django.contrib.auth.backends import ModelBackend
from django.core.cache import cache
from django.core.management import call_command
from django.db import connection
from django.test import override_settings

from dyno import login
from dyno.login import ATTEMPTS, ATTEMPTS_FROM_ADDRESS, claim


@pytest.fixture(autouse=True)
def fresh(settings, db):
    """Nobody has tried yet, and no test waits for what a password check costs."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    cache.clear()
    yield
    cache.clear()


@pytest.fixture
def log_in(client, admin_user):
    """Try to log in to the admin, and return whether it was let in."""

    def attempt(password, address="192.0.2.1", username="admin"):
        form = {"username": username, "password": password}
        answer = client.post("/admin/login/", form, REMOTE_ADDR=address)
        client.logout()
        return answer.status_code == 302

    return attempt


def test_after_ten_wrong_passwords_the_right_one_is_refused_too(
    log_in, caplog, monkeypatch
):
    monkeypatch.setattr(login.refusals.filters[0], "quiet_until", 0)
    for _ in range(ATTEMPTS - 1):
        assert not log_in("wrong")
    for _ in range(3):
        assert log_in("password")
    assert not log_in("wrong")
    with monkeypatch.context() as no_hash_is_computed:
        no_hash_is_computed.setattr(ModelBackend, "authenticate", None)
        for _ in range(3):
            assert not log_in("password")
    assert log_in("password", address="192.0.2.2")
    refused = [
        r.getMessage() for r in caplog.records if r.name == "dyno.login.refusals"
    ]
    assert refused == ["Log-in refused: many wrong passwords from 192.0.2.1"]


def test_each_log_in_is_a_line_without_its_password(log_in, caplog):
    log_in("password")
    log_in("sw0rdfish", username="root\nlevel=info" + "x" * 300)
    done, failed = [r.getMessage() for r in caplog.records if r.name == "dyno.login"]
    assert done == "admin logged in from 192.0.2.1"
    assert failed.startswith("A log-in as root") and len(failed) < 260
    assert failed.endswith(" failed from 192.0.2.1")
    assert "sw0rdfish" not in caplog.text


def test_the_networks_of_one_ipv6_customer_have_a_limit_for_all_accounts(log_in):
    for number in range(ATTEMPTS_FROM_ADDRESS):
        address = f"2001:db8:0:{number}::1"
        assert not log_in("wrong", address=address, username=f"user{number}")
    assert not log_in("password", address="2001:db8:0:ffff::1")
    assert log_in("password", address="2001:db8:1::1")


def test_what_is_refused_for_an_address_uses_up_no_attempts_of_the_account(
    log_in, settings
):
    settings.LOGIN_ATTEMPTS_FROM_ADDRESS = 1
    assert not log_in("wrong", username="other")
    for _ in range(ATTEMPTS):
        assert not log_in("password")
    settings.LOGIN_ATTEMPTS_FROM_ADDRESS = 2
    assert log_in("password")


def test_an_attempt_is_free_again_after_its_own_time(settings):
    """No fixed minute ends, at whose edge twice as many would pass."""
    first = claim("192.0.2.1", 2)
    settings.LOGIN_SECONDS = 1
    second = claim("192.0.2.1", 2)
    time.sleep(2.1)  # the cache keeps whole seconds
    settings.LOGIN_SECONDS = 300
    assert claim("192.0.2.1", 2) == second != first
    assert claim("192.0.2.1", 2) is None


def test_while_redis_hangs_nobody_is_refused_nor_waits_for_each_attempt(log_in):
    with socket.create_server(("127.0.0.1", 0)) as server:
        hung = {
            "BACKEND": "dyno.cache.FailOpenRedisCache",
            "LOCATION": f"redis://127.0.0.1:{server.getsockname()[1]}",
            "OPTIONS": {"socket_connect_timeout": 0.2, "socket_timeout": 0.2},
        }
        started = time.monotonic()
        with override_settings(CACHES={"default": hung}):
            assert log_in("password")
    assert time.monotonic() - started < 4  # and not a hundred times 0.2


def test_concurrent_attempts_are_counted_one_by_one(on_postgresql):
    def attempt(_):
        try:
            return claim("192.0.2.1", ATTEMPTS)
        finally:
            connection.close()

    table = {"BACKEND": "django.core.cache.backends.db.DatabaseCache"}
    with override_settings(CACHES={"default": table | {"LOCATION": "cache"}}):
        call_command("createcachetable")
        cache.clear()
        with ThreadPoolExecutor(8) as threads:
            claims = [*threads.map(attempt, range(50))]
    assert len(claims) - claims.count(None) == ATTEMPTS


def test_only_a_password_in_a_request_is_counted(rf, admin_user):
    request = rf.post("/", REMOTE_ADDR="192.0.2.9")
    for _ in range(ATTEMPTS + 1):
        assert authenticate(request, token="x") is None
        assert authenticate(username="admin", password="wrong") is None
    assert claim("192.0.2.9", ATTEMPTS_FROM_ADDRESS).endswith("-0")
    assert authenticate(username="admin", password="password") == admin_user


def test_attempts_in_an_asynchronous_view_count_by_the_user_models_field(
    rf, transactional_db, monkeypatch
):
    monkeypatch.setattr(get_user_model(), "USERNAME_FIELD", "email")
    request = rf.post("/", REMOTE_ADDR="192.0.2.9")
    for _ in range(ATTEMPTS):
        async_to_sync(aauthenticate)(request, email="a", password="b")
    assert claim("192.0.2.9 a", ATTEMPTS) is None
