"""A build, a release and a dyno behind the router, and what a visitor meets there."""

import re

import heroku
import parts
import pytest
from parts import wait_until
from router import FROM_ANOTHER_ADDRESS


class FirDyno(heroku.Dyno):
    """A dyno of the Fir generation: its Cloud Native build has no profile."""

    profile = {}


def browser(router):
    return heroku.Client(router.tls_port, certificate=router.certificate)


@pytest.fixture(scope="module")
def deployed(copy_project, postgres):
    """A project as the README deploys it, and what the pusher sees."""
    project = copy_project("deployed")
    project.config_vars["DATABASE_URL"] = postgres.create("deploy")
    said = []
    heroku.build(project.folder, project.slug, project.config_vars, said.append)
    heroku.release(project.slug, project.config_vars, said.append)
    return project, "\n".join(said)


def test_a_push_says_each_step(deployed):
    steps = [
        "Using Python 3.",
        "$ python manage.py collectstatic --noinput",
        "Running release command...",
        "Applying sessions.0001_initial... OK",
        "The page / answers 200",
    ]
    found = [deployed[1].find(step) for step in steps]
    assert -1 not in found and found == sorted(found), deployed[1]


def test_a_visitor_gets_the_page_its_assets_and_the_database_over_tls(
    deployed, postgres
):
    with parts.HAProxy() as router, deployed[0].dyno() as dyno:
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


def test_a_cloud_native_build_runs_without_a_profile(copy_project, postgres):
    project = copy_project("fir")
    (project.folder / "runtime.txt").unlink()  # that build refuses it
    project.build().release(DATABASE_URL=postgres.create("fir"))
    with (
        parts.HAProxy(FROM_ANOTHER_ADDRESS) as router,
        FirDyno(project.slug, project.config_vars) as dyno,
    ):
        router.route([dyno.port])
        assert browser(router).get("/").status == 200
        wait_until(lambda: "method=GET path=/ " in dyno.log, 10)
        assert "40 threads a worker" in dyno.log
        assert dyno.stop() < 25
