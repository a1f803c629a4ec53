"""The image that the Dockerfile makes, built and run without a registry."""

import re
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import heroku
import parts
import pytest
from containers import Container, Podman
from parts import wait_until

HOST = "www.example.com"
SECRET = "a-secret-that-no-layer-may-hold"

# What git leaves out, and git's own.
LEFT_OUT = [
    ".env",
    ".env.production",
    "production.env",
    "site.dump",
    "db.sqlite3",
    "media/photo",
    ".venv/file",
    ".git/config",
]


@pytest.fixture(scope="module")
def podman(tmp_path_factory):
    """Podman, with the base image."""
    podman = Podman(tmp_path_factory.mktemp("podman"))
    podman.make_base()
    yield podman
    podman("image", "prune", "--force")


@pytest.fixture(scope="module")
def context(copy_project):
    """A working folder, with what git leaves out."""
    project = copy_project("context")
    for name in LEFT_OUT:
        project.write(name, SECRET)
    return project


@pytest.fixture(scope="module")
def image(podman, context):
    """The image of this repository."""
    return podman.build(context.folder)[0]


@pytest.fixture(scope="module")
def config_vars(postgres, secret_key):
    """What docs/leaving.md says to set."""
    return {
        "DJANGO_SECRET_KEY": secret_key,
        "DJANGO_ALLOWED_HOSTS": HOST,
        "DATABASE_URL": postgres.create("container") + "?sslmode=require",
    }


@pytest.fixture(scope="module")
def release(podman, image, config_vars):
    """What the release step says."""
    command = heroku.processes(heroku.ROOT)["release"].split()
    with Container(podman, image, config_vars, *command) as container:
        assert container.process.wait(120) == 0, container.log
        return container.log


@pytest.fixture(scope="module")
def site(podman, image, config_vars, release):
    """A running container."""
    with Container(podman, image, config_vars) as container:
        yield container.wait_until_up()


def browser(router):
    return heroku.Client(router.tls_port, router.certificate, host=HOST)


def test_a_proxy_that_ends_https_serves_the_site(site, release):
    """PostgreSQL takes connections over TLS alone."""
    assert "Applying sessions.0001_initial... OK" in release
    with parts.HAProxy() as router:
        router.route([site.port])
        visitor = browser(router)
        page = visitor.get("/")
        assert page.status == 200 and "Hello from Django" in page.text
        file = visitor.get(re.search(r'"(/static/site\.\w+\.css)"', page.text)[1])
        assert file.status == 200 and "immutable" in file.headers["Cache-Control"]
        assert visitor.get("/ready").status == 200
        answer = heroku.Client(router.port, visitor=True, host=HOST).get("/page")
        assert answer.status == 301
        assert answer.headers["Location"] == f"https://{HOST}/page"


def test_an_unprivileged_gunicorn_alone_runs_and_finds_no_secret(podman, image, site):
    def inside(*command):
        return podman("exec", site.name, *command, check=False)

    assert inside("id", "-u") == "1000"
    words = heroku.processes(heroku.ROOT)["web"].split()
    first = inside("cat", "/proc/1/cmdline").strip("\0").split("\0")
    assert first[-1].endswith(words[-1]) and first[-1].endswith("gunicorn"), first
    for folder in ("/app", "/tmp", "/"):
        assert "Read-only file system" in inside("touch", f"{folder}/file")

    names = {name.split("/")[0] for name in [*LEFT_OUT, ".template/new", ".github/x"]}
    assert not names & {*inside("ls", "-A").split()}
    assert not inside("grep", "--recursive", "--files-with-matches", SECRET)
    assert "SECRET" not in podman("inspect", image)


def test_a_container_is_replaced_under_load_and_no_request_fails(
    podman, image, config_vars, release
):
    with (
        parts.HAProxy() as router,
        Container(podman, image, config_vars, WEB_CONCURRENCY="2") as old,
        Container(podman, image, config_vars, WEB_CONCURRENCY="2") as new,
        ThreadPoolExecutor(4) as visitors,
    ):
        router.route([old.wait_until_up().port, new.wait_until_up().port])

        def visit(_):
            return browser(router).get("/ready").status

        statuses = [*visitors.map(visit, range(50))]
        old.signal(signal.SIGTERM)
        told = time.monotonic()
        # The proxy learns of it a moment later.
        threading.Timer(1, router.route, [[new.port]]).start()
        while old.process.poll() is None:
            statuses += visitors.map(visit, range(50))
            assert time.monotonic() - told < 25
        assert old.process.returncode == 0
        statuses += visitors.map(visit, range(50))
    assert {*statuses} == {200}


def test_a_worker_runs_from_the_same_image(podman, image, config_vars, release):
    command = heroku.processes(heroku.ROOT)["worker"].split()
    with Container(podman, image, config_vars, *command) as worker:
        wait_until(lambda: worker.log or worker.process.poll() is not None, 60)
        worker.signal(signal.SIGTERM)
        assert worker.process.wait(30) == 0, worker.log


def test_it_refuses_to_start_and_names_what_is_missing(podman, image, config_vars):
    with Container(podman, image, {}) as container:
        assert container.process.wait(60)
        for name in ("DJANGO_ALLOWED_HOSTS", "DATABASE_URL"):
            assert f"{name} is " in container.log
    hidden = ["--tmpfs=/app/staticfiles:notmpcopyup"]
    with Container(podman, image, config_vars, options=hidden) as container:
        assert container.process.wait(60)
        assert "E030: No static files were collected" in container.log
        assert "Fix: python manage.py collectstatic" in container.log


def test_packages_are_installed_anew_only_when_the_lock_changes(podman, context, image):
    context.append("templates/home.html", "\n")
    said = podman.build(context.folder)[1]
    install = said.index("RUN pip install")
    assert "Using cache" in said[install : said.index("COPY . .")]
    assert "Using cache" not in said[said.index("COPY . .") :]
