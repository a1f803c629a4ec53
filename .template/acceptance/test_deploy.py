"""A build, a release and a dyno behind the router, and what a visitor meets there."""

import re

import heroku
import parts
from parts import FROM_ANOTHER_ADDRESS, wait_until


def browser(router):
    return heroku.Client(router.tls_port, certificate=router.certificate)


def test_a_deploy_migrates_and_visits_and_serves_over_https(copy_project, postgres):
    project = copy_project("deployed").build(DATABASE_URL=postgres.create("deploy"))
    said = heroku.release(project.slug, project.config_vars)
    migrated = said.index("Applying sessions.0001_initial... OK")
    assert migrated < said.index("The page / answers 200")

    with parts.HAProxy() as router, project.dyno() as dyno:
        router.route([dyno.port])
        answer = heroku.Client(router.port, visitor=True).get("/page?a=b")
        assert answer.status == 301
        assert answer.headers["Location"] == f"https://{heroku.HOST}/page?a=b"

        visitor = browser(router)
        page = visitor.get("/")
        assert page.status == 200 and "Hello from Django" in page.text
        assets = {*re.findall(r'"(/static/[^"]+)"', page.text)}
        assert {path.rpartition(".")[2] for path in assets} == {"css", "js", "svg"}
        for path in assets:
            assert re.search(r"\.[0-9a-f]{12}\.", path), "not named by its content"
            asset = visitor.get(path, Accept_Encoding="gzip, br")
            assert asset.status == 200
            assert asset.headers["Content-Encoding"] == "br"
            assert "immutable" in asset.headers["Cache-Control"]
            assert asset.headers["Strict-Transport-Security"] == "max-age=3600"
            assert "Access-Control-Allow-Origin" not in asset.headers
            assert "Content-Encoding" not in visitor.get(path).headers
            etag = asset.headers["ETag"]
            assert re.fullmatch(r'W/"[0-9a-f]{12}"', etag)
            assert visitor.get(path, If_None_Match=etag).status == 304
        # For scripts that know no other name.
        file = visitor.get("/static/site.css")
        assert file.headers["Cache-Control"] == "max-age=60, public"

        ready = visitor.get("/ready")
        assert ready.status == 200 and '"database": "ok"' in ready.text
        sql = "SELECT bool_and(ssl) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid)"
        assert postgres.psql(f"{sql} WHERE datname = 'deploy'") == "t"


def test_a_first_push_needs_no_config_var(copy_project):
    project = copy_project("first")
    project.config_vars.clear()
    with project.build().release().dyno() as dyno:
        answers = [heroku.Client(dyno.port).get("/") for _ in range(4)]
        assert [answer.status for answer in answers] == [200] * 4
        assert '"database": "none"' in heroku.Client(dyno.port).get("/ready").text
        assert 'message="40 threads a worker"' in dyno.log


def test_a_cloud_native_build_runs_without_a_profile(copy_project, postgres):
    project = copy_project("fir")
    (project.folder / "runtime.txt").unlink()  # that build refuses it
    project.build().release(DATABASE_URL=postgres.create("fir"))
    without_profile = " ".join(f"-u {name}" for name in heroku.PROFILE)
    command = f"env {without_profile} {heroku.processes(project.slug)['web']}"
    with (
        parts.HAProxy(FROM_ANOTHER_ADDRESS) as router,
        project.dyno(command=command) as dyno,
    ):
        router.route([dyno.port])
        assert browser(router).get("/").status == 200
        wait_until(lambda: "method=GET path=/ " in dyno.log, 10)
        assert "40 threads a worker" in dyno.log
        assert dyno.stop() < 25
