"""A build, a release and a dyno behind the router, and what a visitor meets there."""

import re

import heroku
import parts
import pytest
from deployment import post

# The dyno sees it at an address of its own, as in another container.
ROUTER = parts.ROUTER.replace("http-reuse", "source 127.0.0.9\n  http-reuse")


def test_a_cloud_native_build_is_released_and_serves_without_a_profile(
    copy_project, postgres
):
    project = copy_project("deployed")
    (project.folder / "runtime.txt").unlink()  # that build refuses it
    project.build().release(DATABASE_URL=postgres.create("deploy"))
    without_profile = " ".join(f"-u {name}" for name in heroku.PROFILE)
    command = f"env {without_profile} {heroku.processes(project.slug)['web']}"
    with (
        parts.HAProxy(ROUTER) as router,
        project.dyno(command=command) as dyno,
    ):
        router.route([dyno.port])
        visitor = heroku.Client(router.tls_port, router.certificate)
        page = visitor.get("/")
        assert page.status == 200
        assets = {*re.findall(r'"(/static/[^"]+)"', page.text)}
        assert {path.rpartition(".")[2] for path in assets} == {"css", "js", "svg"}
        for path in assets:
            assert re.search(r"\.[0-9a-f]{12}\.", path), "not named by its content"
            asset = visitor.get(path, Accept_Encoding="gzip, br")
            assert asset.status == 200
            assert asset.headers["Content-Encoding"] == "br"
            assert "immutable" in asset.headers["Cache-Control"]
            assert asset.headers["Strict-Transport-Security"] == "max-age=3600"
            assert asset.headers["X-Content-Type-Options"] == "nosniff"
            assert "default-src 'none'" in asset.headers["Content-Security-Policy"]
            assert "Access-Control-Allow-Origin" not in asset.headers
            assert "Content-Encoding" not in visitor.get(path).headers
            etag = asset.headers["ETag"]
            assert re.fullmatch(r'W/"[0-9a-f]{12}"', etag)
            assert visitor.get(path, If_None_Match=etag).status == 304
        # For scripts that know no other name.
        file = visitor.get("/static/site.css")
        assert file.headers["Cache-Control"] == "max-age=60, public"

        # The address that the router adds is believed, and none that a visitor forges.
        fields = {"username": "nobody", "password": "wrong"}
        for number in range(11):
            forged = f"198.51.100.{number}"
            post(visitor, "/admin/login/", fields, X_Forwarded_For=forged)
        refused = "Log-in refused: many wrong passwords from 127.0.0.1"
        parts.wait_until(lambda: refused in dyno.log)
        assert "40 threads a worker" in dyno.log
        assert dyno.stop() < 25


def test_a_first_push_needs_no_config_var(copy_project):
    project = copy_project("first")
    project.config_vars.clear()
    with project.build().release().dyno() as dyno:
        answers = [heroku.Client(dyno.port).get("/") for _ in range(4)]
        assert [answer.status for answer in answers] == [200] * 4
        assert '"database": "none"' in heroku.Client(dyno.port).get("/ready").text
        assert 'message="40 threads a worker"' in dyno.log


def test_a_build_without_the_databases_driver_is_refused(copy_project):
    project = copy_project("driverless")
    for name in ("psycopg", "psycopg2"):
        project.write(f"{name}/__init__.py", "raise ImportError")
    url = "postgres://user:password@db.example.com/name"
    with pytest.raises(heroku.Refused, match="Error loading psycopg2 or") as refused:
        project.build(DATABASE_URL=url)
    assert "Traceback" not in str(refused.value)
