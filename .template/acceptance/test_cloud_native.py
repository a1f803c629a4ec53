"""A Cloud Native build, as the Fir generation and other hosts make it."""

import subprocess

import heroku
import parts
import pytest
from parts import free_port, wait_until
from router import FROM_ANOTHER_ADDRESS


class FirDyno(heroku.Dyno):
    """A dyno of the Fir generation: its Cloud Native build has no profile."""

    profile = {}


@pytest.fixture(scope="module")
def fir(copy_project):
    """What the Cloud Native build makes; it refuses a runtime.txt."""
    project = copy_project("fir")
    (project.folder / "runtime.txt").unlink()
    return project.build()


def test_a_cloud_native_build_runs_without_a_profile(fir, postgres):
    fir.release(DATABASE_URL=postgres.create("fir"))
    with (
        parts.HAProxy(FROM_ANOTHER_ADDRESS) as router,
        FirDyno(fir.slug, fir.config_vars) as dyno,
    ):
        router.route([dyno.port])
        visitor = heroku.Client(router.tls_port, router.certificate)
        assert visitor.get("/").status == 200
        wait_until(lambda: "method=GET path=/ " in dyno.log, 10)
        assert "40 threads a worker" in dyno.log
        assert dyno.stop() < 25


def test_a_build_that_skips_collectstatic_is_refused_at_boot(copy_project, postgres):
    project = copy_project("uncollected").build(
        DJANGO_ALLOWED_HOSTS="www.example.com",
        DATABASE_URL=postgres.create("uncollected"),
        DISABLE_COLLECTSTATIC="1",
    )
    port = str(free_port())
    run = subprocess.run(
        ["gunicorn"],
        cwd=project.slug,
        env=heroku.environment(project.slug, PORT=port, **project.config_vars),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert run.returncode == 1
    assert "E030: No static files were collected" in run.stderr
    assert "Fix: python manage.py collectstatic" in run.stderr
    assert not (project.slug / "staticfiles").exists()
