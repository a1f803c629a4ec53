"""The URLs of databases and caches, as the drivers that use them read them."""

import socket
import time

import pytest
from sites import found

from dyno import database

URL = "postgres://u:p@one.example.com,two.example.com/name?pool=true"
PASSWORD = "sw0rdfish"
BAD_URLS = [
    f"postgres://u:{PASSWORD}#@h/d",
    f"postgres://u:{PASSWORD}\udcff@h/d",
    f"postgres://u:{PASSWORD}@h",
    f"postgres://u:p@h/d?{PASSWORD}=true",
]


@pytest.mark.parametrize("url", BAD_URLS)
def test_a_database_url_that_cannot_be_used_is_explained_and_never_repeated(site, url):
    site.urls(DATABASE_URL=url)
    (problem,) = found().values()
    assert problem.id == "deploy.E004"
    assert "the database default uses" in problem.msg
    assert PASSWORD not in str(problem)


@pytest.mark.parametrize(
    "url",
    [
        URL,
        "postgres://u:p ss@h/name?isolation_level=2&connect_timeout=5&assume_role=a",
        "sqlite://:memory:",
    ],
)
def test_a_sound_database_url_is_passed(site, url):
    site.urls(DATABASE_URL=url)
    assert "deploy.E004" not in found()


def test_no_database_is_asked_nor_a_pool_waited_for(site):
    pool = {"timeout": 9, "reconnect_timeout": 9}
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0)
        address = {"HOST": "127.0.0.1", "PORT": server.getsockname()[1]}
        site.postgresql(OPTIONS={"pool": pool}, **address)
        begin = time.monotonic()
        assert found() == {}
        assert time.monotonic() - begin < 5
        with pytest.raises(BlockingIOError):
            server.accept()


def test_the_urls_of_a_pooler_and_of_a_second_database_are_checked_too(site):
    site.urls(DATABASE_CONNECTION_POOL_URL="nonsense")
    assert "the database default uses" in found()["deploy.E004"].msg
    site.connections(default=database.parse(URL), orders=database.parse("nonsense"))
    assert "the database orders uses" in found()["deploy.E004"].msg


def test_a_sound_redis_url_is_passed(site):
    """Whether the server answers and has that database, /ready tells."""
    site.redis("rediss://:p%40ss@127.0.0.1:1/99?ssl_cert_reqs=none&socket_timeout=1.5")
    assert found() == {}
