"""The image that the Dockerfile makes, built and run without a registry.

What the Dockerfile calls python:3.13-slim is Debian's unstable here, with Python 3.14:
Debian has no 3.13 for every release that this runs on, and the image's own is not to be
had without a registry. Its layout is the same: `python` and `pip` in /usr/local/bin.
"""

import contextlib
import http.client
import os
import re
import shutil
import ssl
import subprocess
import sys
import threading
import time
from pathlib import Path

import heroku
import parts
import pytest
from parts import free_port, wait_until

HOST = "www.example.com"
BASE = "docker.io/library/python:3.13-slim"
SECRET = "a-secret-that-no-layer-may-hold"

# As a host with strict rules runs it. The tests' PostgreSQL and HAProxy listen on this
# machine's loopback; this kernel may refuse the limits that podman would set.
STRICTLY = """--rm --network host --read-only --read-only-tmpfs=false --cap-drop all
--security-opt no-new-privileges --ulimit nofile=1024:1024 --ulimit nproc=1024:1024"""


class Podman:
    """Podman with a store of its own, in which the base image and layers are kept."""

    def __init__(self, folder):
        if os.geteuid():
            lacks = pytest.fail if os.environ.get("CI") == "true" else pytest.skip
            lacks("containers are built and run as root here")
        self.folder = folder
        parts.need("debootstrap")
        for driver in ("overlay", "vfs"):  # the slow vfs where a disk bears no overlay
            store = heroku.CACHE / f"containers-{driver}"
            store.mkdir(parents=True, exist_ok=True)
            places = [f"--root={store}", f"--runroot=/run/rehearsal/{driver}"]
            options = [f"--storage-driver={driver}", "--cgroup-manager=cgroupfs"]
            options += [f"--runtime={parts.need('runc')}", "--events-backend=none"]
            self.command = [parts.need("podman"), *places, *options]
            tried = subprocess.run([*self.command, "info"], capture_output=True)
            if tried.returncode == 0:
                break

    def __call__(self, *words, check=True):
        """Run a command of podman and return what it says, with stderr."""
        run = subprocess.run(
            [*self.command, *map(str, words)],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert run.returncode == 0 or not check, run.stdout
        return run.stdout.strip()

    def make_base(self):
        """Make the base image of Debian's unstable, unless it is there."""
        if self("images", "--quiet", BASE):
            return
        script = heroku.ROOT / ".template/debian-root"
        root = subprocess.run([script], check=True, stdout=subprocess.PIPE, text=True)
        path = "ENV PATH=/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin"
        pack = ["tar", "--create", "--directory", root.stdout.strip(), "."]
        with subprocess.Popen(pack, stdout=subprocess.PIPE) as tar:
            load = [*self.command, "import", "--change", path, "-", BASE]
            subprocess.run(load, stdin=tar.stdout, check=True, capture_output=True)

    def build(self, source):
        """Build a folder's Dockerfile: return the image's id and what was said.

        pip gets the packages outside, as it does on this machine.
        """
        wheels = self.folder / "wheels"
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--dest", wheels]
        pip += ["--python-version", "3.14", "--only-binary", ":all:"]
        lock = ["--require-hashes", "-r", source / "requirements.txt"]
        subprocess.run([*pip, *lock], check=True, capture_output=True)
        config = self.folder / "pip.conf"
        config.write_text("[global]\nno-index = true\nfind-links = /wheels\n")
        mounts = [
            f"--volume={wheels}:/wheels:ro",
            f"--volume={config}:/etc/pip.conf:ro",
        ]
        file = self.folder / "id"
        options = ["--layers", "--isolation=chroot", "--network=host", *mounts]
        said = self("build", *options, f"--iidfile={file}", source)
        return file.read_text(), said


class Container:
    """A container of the image, with its log in a file; a context manager."""

    def __init__(self, podman, image, config_vars, *command, options=(), **more):
        self.podman, self.port = podman, free_port()
        self.name = f"site-{os.getpid()}-{self.port}"
        self.log_path = podman.folder / f"{self.name}.log"
        config_vars = {"PORT": str(self.port)} | config_vars | more
        env = [f"--env={name}={value}" for name, value in config_vars.items()]
        words = ["run", f"--name={self.name}", *STRICTLY.split(), *options, *env]
        with self.log_path.open("w") as log:
            self.process = subprocess.Popen(
                [*podman.command, *words, image, *command],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    @property
    def log(self):
        return self.log_path.read_text()

    def wait_until_up(self, seconds=60):
        def is_up():
            assert self.process.poll() is None, self.log
            with contextlib.suppress(OSError, http.client.HTTPException):
                return heroku.Client(self.port).get("/up").status == 200

        wait_until(is_up, seconds)
        return self

    def stop(self):
        """SIGTERM to its first process; SIGKILL after 30 s: return the exit status."""
        self.podman("stop", "--time=30", self.name)
        return self.process.wait()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.podman("rm", "--force", "--ignore", "--time=0", self.name)
        self.process.wait()


@pytest.fixture(scope="module")
def podman(tmp_path_factory):
    """Podman, with the base image."""
    podman = Podman(tmp_path_factory.mktemp("podman"))
    podman.make_base()
    yield podman
    podman("image", "prune", "--force")


@pytest.fixture(scope="module")
def context(source, tmp_path_factory):
    """A working folder, with what git leaves out."""
    folder = tmp_path_factory.mktemp("context") / "project"
    shutil.copytree(source, folder)
    for name in (".env", "media/photo", ".venv/file", ".git/config", "db.sqlite3"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(SECRET)
    return folder


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
    # A proxy in another container has an address of its own.
    from_there = parts.ROUTER.replace(
        "  http-reuse", "  source 127.0.0.9\n  http-reuse"
    )
    for named, status in (("127.0.0.0/24", 200), ("192.0.2.1", 301)):
        more = {"FORWARDED_ALLOW_IPS": named}
        with (
            parts.HAProxy(from_there) as router,
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


class FirDyno(heroku.Dyno):
    """A dyno of the Fir generation: its Cloud Native build has no profile."""

    profile = {}


@pytest.fixture(scope="module")
def fir_slug(source, secret_key, tmp_path_factory):
    """What the Cloud Native build makes; it refuses a runtime.txt."""
    folder = tmp_path_factory.mktemp("fir")
    shutil.copytree(source, folder / "project")
    (folder / "project/runtime.txt").unlink()
    config_vars = {"DJANGO_SECRET_KEY": secret_key}
    return heroku.build(folder / "project", folder / "slug", config_vars)


def test_a_cloud_native_build_runs_without_a_profile(fir_slug, secret_key, postgres):
    config_vars = {
        "DJANGO_SECRET_KEY": secret_key,
        "DATABASE_URL": postgres.create("fir"),
    }
    heroku.release(fir_slug, config_vars)
    from_there = parts.ROUTER.replace(
        "  http-reuse", "  source 127.0.0.9\n  http-reuse"
    )
    with parts.HAProxy(from_there) as router, FirDyno(fir_slug, config_vars) as dyno:
        router.route([dyno.port])
        visitor = heroku.Client(router.tls_port, router.certificate)
        assert visitor.get("/").status == 200
        wait_until(lambda: "method=GET path=/ " in dyno.log, 10)
        assert "40 threads a worker" in dyno.log
        assert dyno.stop() < 25


def test_a_build_that_skips_collectstatic_is_refused_at_boot(
    source, secret_key, postgres, tmp_path
):
    config_vars = {
        "DJANGO_SECRET_KEY": secret_key,
        "DJANGO_ALLOWED_HOSTS": HOST,
        "DATABASE_URL": postgres.create("uncollected"),
        "DISABLE_COLLECTSTATIC": "1",
    }
    shutil.copytree(source, tmp_path / "project")
    slug = heroku.build(tmp_path / "project", tmp_path / "slug", config_vars)
    command = ["gunicorn"]
    env = heroku.environment(slug, PORT=str(free_port()), **config_vars)
    run = subprocess.run(
        command, cwd=slug, env=env, capture_output=True, text=True, timeout=60
    )
    assert run.returncode == 1
    assert "E030: No static files were collected" in run.stderr
    assert "Fix: python manage.py collectstatic" in run.stderr
    assert not Path(slug, "staticfiles").exists()
