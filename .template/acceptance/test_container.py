"""The image that the Dockerfile makes, built and run without a registry."""

import http.client
import re
import ssl
import threading
import time

import heroku
import parts
import pytest
from containers import Container, Podman
from parts import wait_until
from router import FROM_ANOTHER_ADDRESS

HOST = "www.example.com"
SECRET = "a-secret-that-no-layer-may-hold"


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
    for name in (".env", "media/photo", ".venv/file", ".git/config", "db.sqlite3"):
        project.write(name, SECRET)
    return project.folder


@pytest.fixture(scope="module")
def image(podman, context):
    """The image of this repository."""
    return podman.build(context)[0]


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


@pytest.fixture(scope="module")
def router(site):
    """A proxy that ends HTTPS, in front of the container."""
    with parts.HAProxy() as router:
        router.route([site.port])
        yield router


def browser(router):
    return heroku.Client(router.tls_port, router.certificate, host=HOST)


def inside(podman, container, *command):
    return podman("exec", container.name, *command, check=False)


def test_the_release_step_migrates_the_database(release):
    assert "Applying sessions.0001_initial... OK" in release


def test_a_page_is_served_through_the_proxy(router):
    page = browser(router).get("/")
    assert page.status == 200 and "Hello from Django" in page.text


def test_a_static_file_is_served_under_its_hashed_name(router):
    visitor = browser(router)
    path = re.search(r'"(/static/site\.\w+\.css)"', visitor.get("/").text)[1]
    file = visitor.get(path)
    assert file.status == 200
    assert "immutable" in file.headers["Cache-Control"]


def test_plain_http_is_redirected_to_https(router):
    answer = heroku.Client(router.port, visitor=True, host=HOST).get("/page")
    assert answer.status == 301
    assert answer.headers["Location"] == f"https://{HOST}/page"


def test_the_database_is_reached_over_tls(router, postgres):
    assert browser(router).get("/ready").status == 200
    query = "SELECT bool_and(ssl) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid)"
    assert postgres.psql(f"{query} WHERE datname = 'container'").strip() == "t"


def test_another_host_is_refused(router):
    visitor = heroku.Client(router.tls_port, router.certificate, host="example.net")
    assert visitor.get("/").status == 400


def test_gunicorn_is_the_first_process_and_the_user_is_not_root(podman, site):
    assert inside(podman, site, "id", "-u") == "1000"
    first = inside(podman, site, "cat", "/proc/1/cmdline").split("\0")
    assert first[0].endswith("gunicorn") or first[1].endswith("gunicorn"), first


def test_nothing_on_its_disk_can_be_written(podman, site):
    for folder in ("/app", "/tmp", "/"):
        said = inside(podman, site, "touch", f"{folder}/file")
        assert "Read-only file system" in said


def test_the_image_holds_no_secret_and_nothing_of_the_workshop(podman, image, site):
    names = inside(podman, site, "ls", "-A").split()
    assert not {".git", ".env", ".venv", ".template", "media", "db.sqlite3"} & {*names}
    found = inside(podman, site, "grep", "--recursive", "--files-with-matches", SECRET)
    assert not found
    assert "SECRET" not in podman("inspect", image)


def test_only_a_named_proxy_may_say_that_a_request_came_over_https(
    podman, image, config_vars, release
):
    for named, status in (("127.0.0.0/24", 200), ("192.0.2.1", 301)):
        more = {"FORWARDED_ALLOW_IPS": named}
        with (
            parts.HAProxy(FROM_ANOTHER_ADDRESS) as router,
            Container(podman, image, config_vars, **more) as container,
        ):
            router.route([container.wait_until_up().port])
            assert browser(router).get("/").status == status, named


def test_sigterm_under_load_loses_no_request(podman, image, config_vars, release):
    answers, stopped = [], threading.Event()
    with (
        parts.HAProxy() as router,
        Container(podman, image, config_vars, WEB_CONCURRENCY="2") as old,
        Container(podman, image, config_vars, WEB_CONCURRENCY="2") as new,
    ):
        router.route([old.wait_until_up().port, new.wait_until_up().port])
        context = ssl.create_default_context(cafile=router.certificate)

        def visit():
            while not stopped.wait(0.02):
                connection = http.client.HTTPSConnection(
                    "127.0.0.1", router.tls_port, timeout=35, context=context
                )
                try:
                    connection.request("GET", "/ready", headers={"Host": HOST})
                    answers.append(connection.getresponse().status)
                except (OSError, http.client.HTTPException) as error:
                    answers.append(error)
                connection.close()

        threads = [threading.Thread(target=visit) for _ in range(4)]
        for thread in threads:
            thread.start()
        wait_until(lambda: len(answers) > 50)
        status = []
        stop = threading.Thread(target=lambda: status.append(old.stop()))
        begun = time.monotonic()
        stop.start()
        time.sleep(1)  # the proxy learns of it a moment later
        router.route([new.port])
        stop.join()
        seconds = time.monotonic() - begun
        count = len(answers)
        wait_until(lambda: len(answers) > count + 50)
        stopped.set()
        for thread in threads:
            thread.join()
    assert status == [0] and seconds < 25
    assert {*answers} == {200}


def test_a_worker_runs_from_the_same_image(podman, image, config_vars, release):
    command = heroku.processes(heroku.ROOT)["worker"].split()
    with Container(podman, image, config_vars, *command) as worker:
        wait_until(lambda: worker.log or worker.process.poll() is not None, 60)
        assert worker.stop() == 0, worker.log


def test_without_config_vars_it_refuses_to_start_and_names_them(podman, image):
    with Container(podman, image, {}) as container:
        assert container.process.wait(60)
        for name in ("DJANGO_ALLOWED_HOSTS", "DATABASE_URL"):
            assert f"{name} is " in container.log


def test_without_collected_files_it_refuses_to_start(podman, image, config_vars):
    hidden = ["--tmpfs=/app/staticfiles:notmpcopyup"]
    with Container(podman, image, config_vars, options=hidden) as container:
        assert container.process.wait(60)
        assert "E030: No static files were collected" in container.log
        assert "Fix: python manage.py collectstatic" in container.log


def test_packages_are_installed_anew_only_when_the_lock_changes(podman, context, image):
    page = context / "templates/home.html"
    page = page if page.exists() else next(context.glob("templates/*.html"))
    page.write_text(page.read_text() + "\n")
    _, said = podman.build(context)
    install = said.index("RUN pip install")
    assert "Using cache" in said[install : said.index("COPY . .")]
    assert "Using cache" not in said[said.index("COPY . .") :]


def test_the_image_runs_the_web_command_of_the_procfile():
    dockerfile = (heroku.ROOT / "Dockerfile").read_text()
    command = re.search(r"^CMD \[(.*)\]$", dockerfile, re.MULTILINE)[1]
    words = re.findall(r'"([^"]*)"', command)
    assert words == heroku.processes(heroku.ROOT)["web"].split()


def test_the_image_leaves_out_what_git_leaves_out():
    ignored = (heroku.ROOT / ".gitignore").read_text().split()
    left_out = (heroku.ROOT / ".dockerignore").read_text().split()
    left_out = {name.removeprefix("**/") for name in left_out}
    assert {name.strip("/") for name in ignored} <= left_out
